import { describe, expect, it } from "vitest";
import {
  parseByteRate,
  parseDeviceWeight,
  parseOperationRate,
} from "../../../cli/parse/block-device.ts";
import { parseMemorySwap } from "../../../cli/parse/bytes.ts";
import { casesOf, outcomeOf } from "../facts.ts";

/** As docker's client has it: the path and the rate. */
const asDocker = ({ path, rate }: { path: string; rate: number }) => ({ Path: path, Rate: rate });

describe("a block device and how much of it", () => {
  it.each(casesOf("throttleBps"))("in bytes a second: $input", (fact) => {
    expect(outcomeOf(fact.input, (text) => asDocker(parseByteRate("readBps")(text)))).toEqual(fact);
  });
  it.each(casesOf("throttleIops"))("in operations a second: $input", (fact) => {
    expect(outcomeOf(fact.input, (text) => asDocker(parseOperationRate("readIops")(text)))).toEqual(
      fact,
    );
  });
  it.each(casesOf("weightDevice"))("by weight: $input", (fact) => {
    const weight = (text: string) => {
      const parsed = parseDeviceWeight(text);
      return { Path: parsed.path, Weight: parsed.weight };
    };
    expect(outcomeOf(fact.input, weight)).toEqual(fact);
  });
});

describe("memory and swap", () => {
  it.each(casesOf("memorySwap"))("$input", (fact) => {
    expect(outcomeOf(fact.input, parseMemorySwap)).toEqual(fact);
  });
});
