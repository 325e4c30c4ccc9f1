// Filling a tree: what a layer holds arrives as it is, and stays inside the opened root.

import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Operation } from "@nacre/core/program/operation.ts";
import { afterAll, describe, expect, it } from "vitest";
import { kernel, scratch } from "./native.ts";

const tmp = scratch();
const on = kernel();
const at = (name: string): string => join(tmp.path, name);
afterAll(() => tmp[Symbol.dispose]());

let trees = 0;
function tree(): string {
  const path = at(`tree-${trees++}`);
  mkdirSync(path);
  return path;
}
const place = (root: string, ...host: Operation[]): Promise<void> =>
  on.perform({ title: "place", host: [{ op: "openRoot", path: root }, ...host] });
const owner = { mode: 0o4750, uid: 12, gid: 34, mtime: { seconds: -5, nanoseconds: 123_456_789 } };

describe("placing", () => {
  it("gives files their bytes from ranges of another, holes, bits, owner and time", async () => {
    const root = tree();
    writeFileSync(at("tar"), "0123456789abcdef");
    await place(root, {
      op: "placeFile",
      path: "/a/b/file",
      source: at("tar"),
      segments: [
        [10, 6],
        [-1, 100_000],
        [0, 3],
        [-1, 7],
      ],
      ...owner,
    });
    const bytes = readFileSync(join(root, "a/b/file"));
    const expected = Buffer.alloc(6 + 100_000 + 3 + 7);
    expected.write("abcdef", 0);
    expected.write("012", 100_006);
    expect(bytes.equals(expected)).toBe(true);
    const s = lstatSync(join(root, "a/b/file"), { bigint: true });
    expect([s.mode & 0o7777n, s.uid, s.gid, s.mtimeNs]).toEqual([
      0o4750n,
      12n,
      34n,
      -5_000_000_000n + 123_456_789n,
    ]);
    expect(Number(s.blocks) * 512).toBeLessThan(50_000);
    expect(lstatSync(join(root, "a")).mode & 0o7777).toBe(0o755);
  });

  it("says that a source is too short", async () => {
    writeFileSync(at("short"), "abc");
    const file = { op: "placeFile", path: "/f", source: at("short"), segments: [[1, 9]] } as const;
    await expect(place(tree(), { ...file, ...owner })).rejects.toMatchObject({ errno: "EIO" });
  });

  it("makes directories, links, nodes, fifos, attributes and times", async () => {
    const root = tree();
    await place(
      root,
      { op: "placeDirectory", path: "/", ...owner, mode: 0o711 },
      { op: "placeDirectory", path: "d/", ...owner, mode: 0o1777 },
      { op: "placeText", path: "/d/text", data: "pearl", ...owner },
      { op: "placeSymlink", path: "/d/link", text: "/etc/shadow", ...owner },
      { op: "placeHardLink", path: "/d/hard", existing: "/d/text" },
      { op: "placeHardLink", path: "/d/hard-to-link", existing: "d/link" },
      { op: "placeNode", path: "/d/null", type: "character", major: 1, minor: 3, ...owner },
      { op: "placeNode", path: "/d/fifo", type: "fifo", major: 0, minor: 0, ...owner },
      {
        op: "placeAttribute",
        path: "/d/text",
        name: "user.nacre",
        value: new Uint8Array([1, 0, 255]),
      },
      { op: "placeAttribute", path: "/d/link", name: "trusted.nacre", value: new Uint8Array([7]) },
      { op: "placeTimes", path: "/d", mtime: { seconds: 1_000_000_000, nanoseconds: 1 } },
    );
    const stat = (name: string) => lstatSync(join(root, name), { bigint: true });
    expect(stat("").mode & 0o7777n).toBe(0o711n);
    expect([stat("d").mode & 0o7777n, stat("d").mtimeNs]).toEqual([0o1777n, 10n ** 18n + 1n]);
    expect(readFileSync(join(root, "d/hard"), "utf8")).toBe("pearl");
    expect(stat("d/hard").ino).toBe(stat("d/text").ino);
    expect(readlinkSync(join(root, "d/hard-to-link"))).toBe("/etc/shadow");
    expect([stat("d/link").uid, stat("d/link").mtimeNs]).toEqual([12n, -4_876_543_211n]);
    expect([stat("d/null").isCharacterDevice(), stat("d/null").rdev]).toEqual([true, 0x103n]);
    expect(stat("d/fifo").isFIFO()).toBe(true);
    const attribute =
      "import os,sys; print(os.getxattr(sys.argv[1], sys.argv[2], follow_symlinks=False))";
    const read = (name: string, key: string): string =>
      execFileSync("python3", ["-c", attribute, join(root, name), key], {
        encoding: "utf8",
      }).trim();
    expect(read("d/text", "user.nacre")).toBe(String.raw`b'\x01\x00\xff'`);
    expect(read("d/link", "trusted.nacre")).toBe(String.raw`b'\x07'`);
  });

  it("replaces what is no directory, and no directory", async () => {
    const root = tree();
    const text = (path: string, data: string): Operation => ({
      op: "placeText",
      path,
      data,
      ...owner,
    });
    await place(root, text("/f", "one"), text("/f", "two"));
    expect(readFileSync(join(root, "f"), "utf8")).toBe("two");
    await place(root, { op: "placeDirectory", path: "/f", ...owner });
    await expect(place(root, text("/f", "three"))).rejects.toMatchObject({ errno: "EEXIST" });
    expect(lstatSync(join(root, "f")).isDirectory()).toBe(true);
  });

  it("follows links inside the root only, and never the last one", async () => {
    const root = tree();
    mkdirSync(at("victim"));
    writeFileSync(at("victim/file"), "untouched");
    symlinkSync(at("victim"), join(root, "out"));
    symlinkSync(at("victim/file"), join(root, "file"));
    symlinkSync("../../../../victim", join(root, "climb"));
    await place(
      root,
      { op: "placeText", path: "/out/file", data: "inside", ...owner },
      { op: "placeText", path: "/climb/file", data: "inside", ...owner },
      { op: "placeText", path: "/file", data: "inside", ...owner },
      { op: "placeText", path: "/../../up", data: "inside", ...owner },
      { op: "placeSymlink", path: "/again", text: at("victim/file"), ...owner },
      { op: "placeAttribute", path: "/again", name: "trusted.a", value: new Uint8Array([1]) },
      { op: "placeTimes", path: "/again", mtime: { seconds: 1, nanoseconds: 0 } },
      { op: "placeHardLink", path: "/hard", existing: "/again" },
    );
    expect(readFileSync(at("victim/file"), "utf8")).toBe("untouched");
    expect(lstatSync(at("victim/file")).mtimeMs).toBeGreaterThan(1_000_000);
    expect(readdirSync(at("victim"))).toEqual(["file"]);
    expect(existsSync(at("up"))).toBe(false);
    expect(readFileSync(join(root, "up"), "utf8")).toBe("inside");
    expect(readFileSync(join(root, at("victim"), "file"), "utf8")).toBe("inside");
    for (const path of ["/..", "/a/..", "/", "."]) {
      await expect(
        place(root, { op: "placeText", path, data: "", ...owner }),
      ).rejects.toMatchObject({ errno: "EINVAL" });
    }
  });
});
