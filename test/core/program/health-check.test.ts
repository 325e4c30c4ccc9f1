import {
  afterCheck,
  type HealthCheck,
  type HealthResult,
  healthCheck,
  healthDelayMs,
  NOT_CHECKED,
} from "@nacre/core/program/health-check.ts";
import { describe, expect, it } from "vitest";

const CHECK: HealthCheck = {
  ...{ command: ["true"], intervalMs: 30_000, timeoutMs: 30_000, startPeriodMs: 0 },
  ...{ startIntervalMs: 5000, retries: 3, onFailure: "none" },
};
const image = { Healthcheck: { Test: ["CMD", "ask"], Interval: 2e9, Retries: 5 } };

describe("the check of a container", () => {
  it("is its image's, with docker's defaults", () => {
    expect(healthCheck(undefined, image)).toEqual({
      ...{ ...CHECK, command: ["ask"], intervalMs: 2000, retries: 5 },
    });
    expect(healthCheck(undefined, {})).toBeUndefined();
  });

  it("takes from the user what the user says, and the rest from the image", () => {
    const health = { test: ["CMD-SHELL", "ask | grep yes"], retries: 0, timeoutMs: 100 };
    expect(healthCheck(health, { ...image, Shell: ["/bin/bash", "-c"] })).toMatchObject({
      ...{ command: ["/bin/bash", "-c", "ask | grep yes"], retries: 5, timeoutMs: 100 },
    });
    expect(healthCheck({ test: ["CMD-SHELL", "ask"] }, {})?.command).toEqual([
      ...["/bin/sh", "-c", "ask"],
    ]);
  });

  it("can be switched off by either", () => {
    expect(healthCheck({ test: ["NONE"] }, image)).toBeUndefined();
    expect(healthCheck({ retries: 2 }, { Healthcheck: { Test: ["NONE"] } })).toBeUndefined();
  });

  it.each([[["ask"]], [["CMD"]], [["CMD-SHELL", "a", "b"]]])("is refused as %j", (test) => {
    expect(() => healthCheck({ test }, {})).toThrow("invalid health check");
  });
});

describe("the health of a container", () => {
  const result = (exitCode: number, startMs = 0): HealthResult => ({
    ...{ startMs, endMs: startMs + 1, exitCode, output: "" },
  });
  const after = (codes: readonly number[], check = CHECK) =>
    codes.reduce(
      (state, code, i) => afterCheck(state, result(code, i * 1000), check, 0),
      NOT_CHECKED,
    );

  it("is not known before it was asked for", () => {
    expect(NOT_CHECKED.status).toBe("starting");
  });

  it("follows the last answers", () => {
    expect(after([0])).toMatchObject({ status: "healthy", failingStreak: 0 });
    expect(after([1, 1])).toMatchObject({ status: "starting", failingStreak: 2 });
    expect(after([0, 1, 1])).toMatchObject({ status: "healthy", failingStreak: 2 });
    expect(after([0, 1, 1, 1])).toMatchObject({ status: "unhealthy", failingStreak: 3 });
    expect(after([1, 1, -1, 1, 0])).toMatchObject({ status: "healthy", failingStreak: 0 });
  });

  it("keeps the last five of them", () => {
    expect(after([0, 1, 2, 3, 4, 5, 6]).log.map(({ exitCode }) => exitCode)).toEqual([
      ...[2, 3, 4, 5, 6],
    ]);
  });

  it("is not spoilt in the start period, in which it is asked for more often", () => {
    const check = { ...CHECK, startPeriodMs: 2500 };
    expect(after([1, 1, 1], check)).toMatchObject({ status: "starting", failingStreak: 0 });
    expect(after([1, 1, 1, 1, 1, 1], check)).toMatchObject({ status: "unhealthy" });
    // Once it has been healthy the period is over.
    expect(after([0, 1, 1], check)).toMatchObject({ status: "healthy", failingStreak: 2 });
    expect(healthDelayMs(NOT_CHECKED, check, 0, 1000)).toBe(5000);
    expect(healthDelayMs(NOT_CHECKED, check, 0, 3000)).toBe(30_000);
    expect(healthDelayMs(after([0]), check, 0, 1000)).toBe(30_000);
  });
});
