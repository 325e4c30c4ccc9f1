import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { tar } from "./tar.ts";

function listing(archive: Buffer): string[] {
  const options = { input: archive, encoding: "utf8", env: { ...process.env, TZ: "UTC" } } as const;
  const lines = execFileSync("tar", ["-tv", "--numeric-owner", "-f", "-"], options);
  return lines.trimEnd().split("\n");
}

describe("the tests' writer of tars", () => {
  it("writes what tar(1) reads, with names and links past 100 bytes", () => {
    const long = `${"folder/".repeat(30)}file`;
    const archive = tar([
      { name: "a/", type: "directory", mode: 0o1777, uid: 3, gid: 4 },
      { name: "a/b", content: "hello", mode: 0o4755 },
      { name: "a/c", type: "symlink", link: long },
      { name: "a/d", type: "hardlink", link: "a/b" },
      { name: long, content: "x" },
      { name: "null", type: "character", device: [1, 3] },
    ]);
    expect(listing(archive)).toEqual([
      "drwxrwxrwt 3/4               0 2023-11-14 22:13 a/",
      "-rwsr-xr-x 0/0               5 2023-11-14 22:13 a/b",
      `lrwxrwxrwx 0/0               0 2023-11-14 22:13 a/c -> ${long}`,
      "hrw-r--r-- 0/0               0 2023-11-14 22:13 a/d link to a/b",
      `-rw-r--r-- 0/0               1 2023-11-14 22:13 ${long}`,
      "crw-r--r-- 0/0             1,3 2023-11-14 22:13 null",
    ]);
  });

  it("is reproducible", () => {
    const entries = [{ name: "a", content: "b", pax: { "SCHILY.xattr.user.x": "y" }, mtime: 1.5 }];
    expect(tar(entries).equals(tar(entries))).toBe(true);
  });
});
