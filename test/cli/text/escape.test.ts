import { describe, expect, it } from "vitest";
import { neutralise, neutraliseLines, neutraliseLog } from "../../../cli/text/escape.ts";

describe("text from outside", () => {
  it.each([
    ["plain naïve 日本 😀", "plain naïve 日本 😀"],
    ["\u001b[2J", "\\x1b[2J"],
    ["\u009b31m", "\\x9b31m"],
    ["a\nb\tc\rd", "a\\nb\\tc\\rd"],
    ["\u0000\u007f", "\\x00\\x7f"],
    ["\u202egpj.exe", "\\u202egpj.exe"],
    ["\u2028\ufeff", "\\u2028\\ufeff"],
  ])("is shown, not obeyed: %j", (text, shown) => expect(neutralise(text)).toBe(shown));

  it("keeps the lines of a message of several", () => {
    expect(neutraliseLines("a\u0007\nb")).toBe("a\\x07\nb");
  });

  it("may colour a log, and no more", () => {
    expect(neutraliseLog("\u001b[1;31mred\u001b[0m\t\r\n")).toBe("\u001b[1;31mred\u001b[0m\t\r\n");
    expect(neutraliseLog("\u001b[2J\u001b]52;c;eA==\u0007\u009b6n")).toBe(
      "\\x1b[2J\\x1b]52;c;eA==\\x07\\x9b6n",
    );
  });
});
