import { describe, expect, it } from "vitest";
import { binarySize, humanSize } from "../../../cli/text/size.ts";
import { HUMAN_SIZES } from "../facts.ts";

describe("sizes for people", () => {
  it.each(HUMAN_SIZES)("prints $input as docker does", (fact) => {
    expect(humanSize(fact.input)).toBe(fact.humanSize);
    expect(humanSize(fact.input, 3)).toBe(fact.humanSize3);
    expect(binarySize(fact.input)).toBe(fact.bytesSize);
  });
});
