import { describe, expect, it } from "vitest";
import { parseCpuLimit, parseNanoCpus } from "../../../cli/parse/cpus.ts";
import { casesOf, outcomeOf } from "../facts.ts";

describe("cpus", () => {
  it.each(casesOf("cpus"))("reads $input as docker does", (fact) =>
    expect(outcomeOf(fact.input, parseNanoCpus)).toEqual(fact),
  );

  it("reads fractions and exponents exactly", () => {
    expect(parseNanoCpus("1/4")).toBe(250_000_000);
    expect(parseNanoCpus("15e-1")).toBe(1_500_000_000);
    expect(() => parseNanoCpus("1/3")).toThrow("value is too precise");
    expect(() => parseNanoCpus("1/0")).toThrow("failed to parse 1/0 as a rational number");
    expect(() => parseNanoCpus(".")).toThrow("failed to parse . as a rational number");
  });

  it("refuses a negative limit", () => {
    expect(() => parseCpuLimit("-1")).toThrow("must not be negative");
  });
});
