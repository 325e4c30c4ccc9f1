import { describe, expect, it } from "vitest";
import { parsePositiveDurationMs, parseTimeMs } from "../../../cli/parse/time.ts";
import { casesOf, outcomeOf } from "../facts.ts";

describe("time", () => {
  it.each(casesOf("duration"))("reads the duration $input as Go does", (fact) => {
    const inNanoseconds = (text: string) => parsePositiveDurationMs(text) * 1e6;
    expect(outcomeOf(fact.input, inNanoseconds)).toEqual(fact);
  });

  it("takes a duration for a time before now", () => {
    expect(parseTimeMs("10m", 1_000_000)).toBe(400_000);
    expect(parseTimeMs("0s", 1_000_000)).toBe(1_000_000);
  });

  it("takes seconds since the epoch, with a fraction", () => {
    expect(parseTimeMs("1500000000.5", 0)).toBe(1_500_000_000_500);
  });

  it("takes dates, with and without a zone", () => {
    expect(parseTimeMs("2026-11-23T12:00:00Z", 0)).toBe(Date.UTC(2026, 10, 23, 12));
    expect(parseTimeMs("2026-11-23T12:00:00.123456789+01:00", 0)).toBe(
      Date.UTC(2026, 10, 23, 11, 0, 0, 123),
    );
    expect(parseTimeMs("2026-11-23", 0)).toBe(new Date(2026, 10, 23).getTime());
  });

  it("names what it cannot read", () => {
    expect(() => parseTimeMs("yesterday", 0)).toThrow('"yesterday"');
  });
});
