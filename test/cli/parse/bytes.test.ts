import { describe, expect, it } from "vitest";
import { parseDiskBytes, parseMemoryBytes, parseMemoryLimit } from "../../../cli/parse/bytes.ts";
import { casesOf, outcomeOf } from "../facts.ts";

describe("sizes", () => {
  it.each([...casesOf("memoryBytes"), ...casesOf("ramInBytes")])(
    "reads the memory size $input as docker does",
    (fact) => expect(outcomeOf(fact.input, parseMemoryBytes)).toEqual(fact),
  );

  it.each(casesOf("fromHumanSize"))("reads the disk size $input as docker does", (fact) =>
    expect(outcomeOf(fact.input, parseDiskBytes)).toEqual(fact),
  );

  it("refuses a limit that would wrap around to a negative one", () => {
    expect(() => parseMemoryLimit("8388608t")).toThrow("invalid size: '8388608t'");
    expect(parseMemoryLimit("64m")).toBe(64 * 2 ** 20);
  });
});
