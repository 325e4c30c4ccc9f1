// What every implementation of Clock does. `pass` lets time go by: a real clock waits, a virtual
// one is moved.

import type { Clock } from "@nacre/core/ports/clock.ts";
import { beforeEach, describe, expect, it } from "vitest";

export interface ClockSubject {
  readonly clock: Clock;
  readonly pass: (ms: number) => Promise<void>;
}

export function clockContract(name: string, makeSubject: () => ClockSubject): void {
  describe(`${name} as Clock`, () => {
    let clock: Clock;
    let pass: ClockSubject["pass"];
    beforeEach(() => {
      ({ clock, pass } = makeSubject());
    });

    it("tells a time of this century, and both times go on together", async () => {
      const [now, monotonic] = [clock.nowMs(), clock.monotonicMs()];
      expect(now).toBeGreaterThan(Date.UTC(2001, 0, 1));
      await pass(20);
      expect(clock.nowMs() - now).toBeGreaterThanOrEqual(19);
      expect(clock.monotonicMs() - monotonic).toBeGreaterThanOrEqual(19);
    });

    it("wakes sleepers in the order of their times", async () => {
      const woken: number[] = [];
      const sleeps = [300, 100, 200].map((ms) => clock.sleep(ms).then(() => woken.push(ms)));
      await pass(400);
      await Promise.all(sleeps);
      expect(woken).toEqual([100, 200, 300]);
    });

    it("does not wake a sleeper before its time", async () => {
      const before = clock.monotonicMs();
      const slept = clock.sleep(20).then(() => clock.monotonicMs() - before);
      await pass(40);
      expect(await slept).toBeGreaterThanOrEqual(19);
    });

    it("rejects with interrupted when the signal aborts, before or meanwhile", async () => {
      const controller = new AbortController();
      const sleeping = clock.sleep(60_000, controller.signal);
      controller.abort();
      await expect(sleeping).rejects.toMatchObject({ kind: "interrupted" });
      await expect(clock.sleep(0, controller.signal)).rejects.toMatchObject({
        kind: "interrupted",
      });
    });

    it("lets go of the signal when it wakes", async () => {
      const controller = new AbortController();
      const sleeping = clock.sleep(1, controller.signal);
      await pass(5);
      await sleeping;
      controller.abort();
    });
  });
}
