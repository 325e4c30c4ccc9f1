import { describe, expect, it } from "vitest";
import { createdAt, humanDuration, rfc3339 } from "../../../cli/text/time.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("times for people", () => {
  it.each([
    [999, "Less than a second"],
    [SECOND, "1 second"],
    [59 * SECOND, "59 seconds"],
    [MINUTE, "About a minute"],
    [46 * MINUTE, "46 minutes"],
    [HOUR, "About an hour"],
    [89 * MINUTE, "About an hour"],
    [90 * MINUTE, "2 hours"],
    [47 * HOUR, "47 hours"],
    [2 * DAY, "2 days"],
    [13 * DAY, "13 days"],
    [14 * DAY, "2 weeks"],
    [59 * DAY, "8 weeks"],
    [60 * DAY, "2 months"],
    [729 * DAY, "24 months"],
    [730 * DAY, "2 years"],
  ])("calls %i ms '%s', as docker does", (durationMs, words) =>
    expect(humanDuration(durationMs)).toBe(words),
  );

  it("writes points in time so that they are read back", () => {
    const timeMs = Date.UTC(2026, 6, 1, 12, 30, 15, 250);
    expect(rfc3339(timeMs)).toMatch(/^2026-07-0\dT\d\d:\d\d:15\.250000000(Z|[+-]\d\d:\d\d)$/);
    expect(Date.parse(rfc3339(timeMs).replace(/(\.\d{3})\d+/, "$1"))).toBe(timeMs);
    expect(createdAt(timeMs)).toMatch(/^2026-07-0\d \d\d:\d\d:15 [+-]\d{4}( UTC)?$/);
  });
});
