import { describe, expect, it } from "vitest";
import { ellipsis, formatTable } from "../../../cli/text/table.ts";

describe("tables", () => {
  it("have columns of ten or more with three spaces between, and nothing after the last", () => {
    expect(
      formatTable([
        ["A", "B"],
        ["long enough", "x"],
      ]),
    ).toBe("A             B\nlong enough   x\n");
    expect(formatTable([["A", "B"]])).toBe("A         B\n");
  });

  it("count characters, not code units", () => {
    expect(
      formatTable([
        ["😀", "x"],
        ["ab", "y"],
      ]),
    ).toBe("😀         x\nab        y\n");
  });

  it("cut long text with an ellipsis", () => {
    expect(ellipsis("abcdef", 4)).toBe("abc…");
    expect(ellipsis("abcd", 4)).toBe("abcd");
    expect(ellipsis("😀😀😀", 2)).toBe("😀…");
  });
});
