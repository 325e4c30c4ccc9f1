import { errnoMessage, errnoName } from "@nacre/linux/errno.ts";
import { describe, expect, it } from "vitest";

describe("an error number", () => {
  it("has the kernel's name and a person's words, also where libuv has none", () => {
    expect([errnoName(28), errnoMessage(28)]).toEqual(["ENOSPC", "no space left on device"]);
    expect([errnoName(15), errnoMessage(15)]).toEqual(["ENOTBLK", "block device required"]);
    expect([errnoName(122), errnoMessage(122)]).toEqual(["EDQUOT", "disk quota exceeded"]);
    expect([errnoName(4242), errnoMessage(4242)]).toEqual(["errno 4242", "unknown error"]);
  });
});
