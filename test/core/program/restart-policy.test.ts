import {
  type RestartPolicy,
  restartDelayMs,
  shallBoot,
  shallRestart,
} from "@nacre/core/program/restart-policy.ts";
import { describe, expect, it } from "vitest";

const failed = { exitCode: 1, restarts: 0, stopped: false };

describe("a restart policy", () => {
  it.each<[RestartPolicy | undefined, Partial<typeof failed>, boolean]>([
    [undefined, {}, false],
    [{ name: "no" }, {}, false],
    [{ name: "always" }, { exitCode: 0 }, true],
    [{ name: "always" }, { stopped: true }, false],
    [{ name: "unless-stopped" }, { exitCode: 0, restarts: 99 }, true],
    [{ name: "unless-stopped" }, { stopped: true }, false],
    [{ name: "on-failure" }, {}, true],
    [{ name: "on-failure" }, { exitCode: 0 }, false],
    [{ name: "on-failure" }, { restarts: 1000 }, true],
    [{ name: "on-failure", maximumRetries: 0 }, { restarts: 1000 }, true],
    [{ name: "on-failure", maximumRetries: 3 }, { restarts: 2 }, true],
    [{ name: "on-failure", maximumRetries: 3 }, { restarts: 3 }, false],
  ])("%j after %j: %s", (policy, ended, expected) => {
    expect(shallRestart(policy, { ...failed, ...ended })).toBe(expected);
  });

  it("brings containers back with the machine, unless somebody stopped them", () => {
    expect(shallBoot({ name: "always" }, true)).toBe(true);
    expect(shallBoot({ name: "unless-stopped" }, true)).toBe(false);
    expect(shallBoot({ name: "unless-stopped" }, false)).toBe(true);
    expect(shallBoot({ name: "on-failure" }, false)).toBe(false);
    expect(shallBoot(undefined, false)).toBe(false);
  });

  it("waits twice as long each time, up to a minute, and begins anew after ten seconds of work", () => {
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) waits.push(restartDelayMs(waits.at(-1), 50));
    expect(waits).toEqual([
      ...[100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000],
    ]);
    expect(restartDelayMs(60_000, 10_000)).toBe(100);
  });
});
