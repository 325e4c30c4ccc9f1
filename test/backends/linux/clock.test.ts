// The machine's clock, and waits that are shorter than a timer of Node's.

import { describe, expect, it } from "vitest";
import { LinuxClock } from "../../../backends/linux/clock.ts";

/** Whether anything else could happen in this process while a clock had it wait; and how long. */
async function waited(clock: LinuxClock, delayMs: number, signal?: AbortSignal) {
  let others = false;
  const timer = setTimeout(() => {
    others = true;
  });
  const beganMs = clock.monotonicMs();
  await clock.sleep(delayMs, signal);
  clearTimeout(timer);
  return { others, tookMs: clock.monotonicMs() - beganMs };
}

describe("a clock", () => {
  it("holds a process that has nothing else to do for less than a millisecond", async () => {
    const clock = new LinuxClock({ blocks: true });
    const { others, tookMs } = await waited(clock, 0.5);
    expect(others).toBe(false);
    expect(tookMs).toBeGreaterThanOrEqual(0.5);
  });

  it("lets others go on where it waits for longer, or may be interrupted", async () => {
    const clock = new LinuxClock({ blocks: true });
    expect((await waited(clock, 5)).others).toBe(true);
    expect((await waited(clock, 0.5, new AbortController().signal)).others).toBe(true);
  });

  it("never holds a process that others share", async () => {
    expect((await waited(new LinuxClock(), 0.5)).others).toBe(true);
  });
});
