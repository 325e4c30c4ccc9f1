import { DetachKeys } from "@nacre/core/program/detach-keys.ts";
import { describe, expect, it } from "vitest";
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from "../../cli/detach-keys.ts";

const LEFT = " and left";
const typed = (keys: string, ...chunks: string[]) => {
  const found = new DetachKeys(parseDetachKeys(keys));
  return chunks.map((chunk) => {
    const { passed, left } = found.pass(Buffer.from(chunk));
    return `${Buffer.from(passed)}${left ? LEFT : ""}`;
  });
};

describe("detach keys", () => {
  it("are control characters and plain ones", () => {
    expect(parseDetachKeys(DEFAULT_DETACH_KEYS)).toEqual([16, 17]);
    expect(parseDetachKeys("ctrl-@,a,ctrl-_,ctrl-[,ctrl-\\")).toEqual([0, 97, 31, 27, 28]);
    expect(parseDetachKeys("")).toEqual([]);
    for (const wrong of ["ctrl-", "ctrl-1", "ctrl-A", "ab", ",a"]) {
      expect(() => parseDetachKeys(wrong)).toThrow("invalid detach keys");
    }
    expect(parseDetachKeys(Array(32).fill("a").join(","))).toHaveLength(32);
    expect(() => parseDetachKeys(Array(33).fill("a").join(","))).toThrow("more than 32");
  });

  it("end what is passed on, in one piece or in several", () => {
    expect(typed(DEFAULT_DETACH_KEYS, "ls\r\x10\x11")).toEqual([`ls\r${LEFT}`]);
    expect(typed(DEFAULT_DETACH_KEYS, "ls\r\x10", "\x11")).toEqual(["ls\r", LEFT]);
  });

  it("are passed on where others follow the first", () => {
    expect(typed(DEFAULT_DETACH_KEYS, "a\x10", "b")).toEqual(["a", "\x10b"]);
    expect(typed(DEFAULT_DETACH_KEYS, "\x10\x10", "\x11")).toEqual(["\x10", LEFT]);
    expect(typed("a,a,b", "aac")).toEqual(["aac"]);
  });

  it("are none where none are wanted", () => {
    expect(typed("", "\x10\x11")).toEqual(["\x10\x11"]);
  });
});
