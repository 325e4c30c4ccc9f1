// The reader of tars: every dialect, and what it refuses.

import { ImageTree } from "@nacre/core/image-tree.ts";
import { describe, expect, it } from "vitest";
import { indexOf, paths, plain, refusal, treeOf } from "./layer-support.ts";
import { builds } from "./portable.ts";
import {
  archive,
  body,
  end,
  entry,
  type HeaderFields,
  header,
  long,
  pax,
  record,
  sign,
  tarOf,
} from "./tar-writer.ts";

const file = (fields: HeaderFields, content = ""): Buffer =>
  Buffer.concat([header({ size: content.length, ...fields }), body(content)]);

describe.each(builds)("reading tars with $build", ({ core }) => {
  const read = (...parts: Uint8Array[]) => [...treeOf(core(), archive(...parts)).entries()];
  const only = (...parts: Uint8Array[]) => plain(read(...parts)[1]!);
  const refuses = (...parts: Uint8Array[]) => refusal(() => read(...parts));

  describe("dialects", () => {
    it("reads v7, where a slash at the end makes a directory", () => {
      const entries = read(
        file({ name: "old/", type: "\0", dialect: "v7" }),
        file({ name: "old/file", type: "\0", dialect: "v7" }, "abc"),
      );
      expect(paths(entries)).toEqual(["old/", "old/file"]);
      expect(entries[2]).toMatchObject({ size: 3, tarOffset: 1024, mode: 0o644 });
    });

    it("joins the prefix of ustar, and not that of GNU, which has times there", () => {
      expect(paths(read(file({ name: "c", prefix: "a/b" })))).toEqual(["a/", "a/b/", "a/b/c"]);
      expect(paths(read(file({ name: "c", prefix: "14000000", dialect: "gnu" })))).toEqual(["c"]);
    });

    it("stops the prefix of star before its times", () => {
      const forge = (bytes: Buffer) => {
        bytes.write("d".repeat(131), 345);
        bytes.write("00000000001 00000000002 ", 476);
        bytes.write("tar\0", 508);
      };
      expect(paths(read(file({ name: "f", forge })))[1]).toBe(`${"d".repeat(131)}/f`);
    });

    it("reads long names and targets of GNU", () => {
      const name = `${"n".repeat(200)}/x`;
      const target = "t".repeat(300);
      const link = header({ name: "short", type: "2", link: "short", dialect: "gnu" });
      const [, , found] = read(long("K", target), long("L", name), link);
      expect(found).toMatchObject({ path: name, target });
    });

    it("lets pax override, for one member and for all that follow", () => {
      const entries = read(
        pax(
          [
            ["uid", "7000000"],
            ["mtime", "5.25"],
          ],
          "g",
        ),
        pax([
          ["path", "d/☃"],
          ["gid", "3000000000"],
          ["mtime", "-1.75"],
        ]),
        file({ name: "x", uid: 1, gid: 2 }, "hi"),
        file({ name: "y", gid: 2 }),
      );
      expect(entries.slice(2).map(plain)).toMatchObject([
        { path: "d/☃", owner: "7000000:3000000000", mtime: "-2.250000000" },
        { path: "y", owner: "7000000:2", mtime: "5.250000000" },
      ]);
    });

    it("takes an override back where the value is empty", () => {
      const global = pax([["uid", "9"]], "g");
      expect(only(global, pax([["uid", ""]]), file({ name: "a", uid: 4 })).owner).toBe("4:0");
    });

    it.each([
      ["1.9999999999", "1.999999999"],
      ["-1.9999999999", "-2.000000000"],
      ["-0.5", "-1.500000000"],
      ["-3", "-3.000000000"],
      ["7.", "7.000000000"],
    ])("rounds the time %s down to %s", (text, mtime) => {
      expect(only(pax([["mtime", text]]), file({ name: "a" })).mtime).toBe(mtime);
    });

    it("takes the size of pax for finding the next header too", () => {
      const big = Buffer.concat([pax([["size", "700"]]), header({ name: "a", size: 1 })]);
      const entries = read(big, body("z".repeat(700)), file({ name: "b" }));
      expect(paths(entries)).toEqual(["a", "b"]);
      expect(entries[1]).toMatchObject({ size: 700 });
    });

    it("reads base-256 numbers, negative times among them", () => {
      expect(only(file({ name: "a", uid: 4_000_000_000, mtime: -5 }))).toMatchObject({
        owner: "4000000000:0",
        mtime: "-5.000000000",
      });
    });

    it("reads devices, fifos and links", () => {
      const found = read(
        header({ name: "a", type: "3", device: [4095, 1048575] }),
        header({ name: "b", type: "4", device: [8, 1] }),
        header({ name: "c", type: "6" }),
        header({ name: "d", type: "2", link: "/else/where" }),
        header({ name: "e", type: "1", link: "./c" }),
      );
      expect(found.slice(1).map(plain)).toMatchObject([
        { kind: "character-device", device: [4095, 1048575] },
        { kind: "block-device", device: [8, 1] },
        { kind: "fifo" },
        { kind: "symlink", target: "/else/where" },
        { kind: "hard-link", target: "c" },
      ]);
    });

    it("keeps extended attributes sorted, the last of a name, and none that steer overlayfs", () => {
      const records: [string, string | Uint8Array][] = [
        ["SCHILY.xattr.user.b", "two"],
        ["SCHILY.xattr.user.a", Buffer.from([0, 255, 10])],
        ["SCHILY.xattr.trusted.overlay.redirect", "/etc"],
        ["SCHILY.xattr.user.overlay.opaque", "y"],
        ["SCHILY.xattr.system.nonsense", "x"],
        ["SCHILY.xattr.user.b", ""],
      ];
      expect(only(pax(records), file({ name: "f" })).xattrs).toEqual([
        ["user.a", "\0\xff\n"],
        ["user.b", ""],
      ]);
    });

    it("ends at two zero blocks, whatever follows, and also where the tar just stops", () => {
      const one = file({ name: "a" });
      expect(paths(read(one, end, Buffer.from("rubbish")))).toEqual(["a"]);
      expect(paths(treeOf(core(), one).entries())).toEqual(["a"]);
      expect(paths(treeOf(core(), new Uint8Array()).entries())).toEqual([]);
    });

    it("passes over volume labels", () => {
      expect(paths(read(header({ name: "label", type: "V" }), file({ name: "a" })))).toEqual(["a"]);
    });

    it("accepts the signed checksums of old writers", () => {
      const signed = header({ name: Buffer.from([0xe9, 0x2e]) });
      const sum = signed.reduce((t, b, i) => t + (i >= 148 && i < 156 ? 32 : (b << 24) >> 24), 0);
      signed.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
      expect(read(signed)[1]?.pathBytes).toEqual(new Uint8Array([0xe9, 0x2e]));
    });
  });

  describe("names", () => {
    it("normalises them to paths below the root", () => {
      const names = ["./", "/abs", "./a//b/./c", "a/x/../y", "..a/...", "-x", "!x"];
      const tar = tarOf(...names.map((name) => ({ name, type: "directory" as const })));
      expect(paths(treeOf(core(), tar).entries())).toEqual([
        "!x/",
        "-x/",
        "..a/",
        "..a/.../",
        "a/",
        "a/b/",
        "a/b/c/",
        "a/y/",
        "abs/",
      ]);
    });

    it.each(["../x", "a/../../x", "/../x"])("refuses %s, which leaves the root", (name) => {
      expect(refuses(entry({ name }))).toBe(
        `invalid: the layer's entry at byte 0 (${JSON.stringify(name)}): the path leaves the root`,
      );
    });

    it("refuses a hard link whose target leaves the root", () => {
      const bad = header({ name: "a", type: "1", link: "../../etc/shadow" });
      expect(refuses(bad)).toMatch(/hard link's target leaves the root/);
    });

    it.each([
      ["a component past 255 bytes", entry({ name: "n".repeat(256) })],
      ["a path past 4095 bytes", entry({ name: "ab/".repeat(1366) })],
      ["a NUL", pax([["path", "a\0b"]])],
      ["a NUL in a target", pax([["linkpath", "a\0b"]])],
      ["no target", header({ name: "a", type: "2" })],
    ])("refuses %s", (_, part) => {
      const link = header({ name: "a", type: "2", link: "x" });
      expect(refuses(part, link)).toMatch(/^invalid: .*(longer than|NUL|no target)/);
    });

    it("refuses a root that is no directory", () => {
      expect(refuses(header({ name: "./", type: "6" }))).toMatch(/root must be a directory/);
    });

    it.each([".wh.", "a/.wh..", ".wh..."])("refuses the whiteout %s", (name) => {
      expect(refuses(entry({ name }))).toMatch(/whiteout hides no name/);
    });

    it("leaves out what AUFS left behind, and devices that an overlay takes for whiteouts", () => {
      const found = read(
        entry({ name: ".wh..wh.plnk/7.8" }),
        entry({ name: ".wh..wh.aufs" }),
        header({ name: "zero", type: "3", device: [0, 0] }),
        entry({ name: "a" }),
      );
      expect(paths(found)).toEqual(["a"]);
    });
  });

  describe("refusals", () => {
    const broken = (change: (bytes: Buffer) => void) => {
      const bytes = header({ name: "bad", size: 10 });
      change(bytes);
      return bytes;
    };

    it.each([
      ["a wrong checksum", broken((b) => b.write("x", 0)), /checksum/],
      ["garbage", Buffer.alloc(512, 0x55), /checksum/],
      ["no octal digits", broken((b) => sign(b.fill("9", 124, 130))), /size is no number/],
      ["a negative size", broken((b) => sign(b.fill(0xff, 124, 136))), /negative/],
      ["a size past 2^53", broken((b) => sign(b.fill(0x80, 124, 136))), /2\^53/],
      ["a uid past 32 bits", broken((b) => sign(b.fill(0x81, 108, 116))), /out of range/],
      ["an unknown type", header({ name: "a", type: "M" }), /type is unknown/],
      ["a lone zero block", Buffer.alloc(512), /zeros stands between/],
      ["a pax header too long", header({ name: "a", type: "x", size: 2 << 20 }), /1 MiB/],
      ["a device past what Linux has", header({ type: "3", device: [4096, 0] }), /out of range/],
    ])("names %s", (_, part, message) => {
      expect(refuses(part, file({ name: "x" }))).toMatch(message);
    });

    it.each([
      ["no length", "path=x\n"],
      ["a length of nothing", "0 path=x\n"],
      ["a length past the header", "99 path=x\n"],
      ["no line feed", "9 path=xy"],
      ["no equals sign", "8 pathx\n"],
      ["no key", "6 =xy\n"],
    ])("names a pax record with %s", (_, text) => {
      const bad = Buffer.concat([header({ name: "p", type: "x", size: text.length }), body(text)]);
      expect(refuses(bad, file({ name: "x" }))).toMatch(/record of its pax header is malformed/);
    });

    it.each([
      ["size", "-5"],
      ["size", "1e3"],
      ["size", "9007199254740992"],
      ["uid", "4294967296"],
      ["mtime", "1.2.3"],
      ["mtime", "."],
    ])("names the pax record %s=%s", (key, value) => {
      expect(refuses(pax([[key, value]]), file({ name: "x" }))).toMatch(/^corrupt: /);
    });

    it("names too many extended attributes, and too large ones", () => {
      const many: [string, string][] = Array.from({ length: 300 }, (_, i) => [
        `SCHILY.xattr.user.${i}`,
        "",
      ]);
      expect(refuses(pax(many), file({ name: "x" }))).toMatch(/extended attributes/);
      const large = pax([["SCHILY.xattr.user.x", "v".repeat(65536)]]);
      expect(refuses(large, file({ name: "x" }))).toMatch(/extended attributes/);
    });

    it.each([1, 511, 512 + 1, 512 + 700, 1024 + 511])("names the end after %i bytes", (size) => {
      const whole = archive(file({ name: "a" }, "x".repeat(800)));
      const read = () => indexOf(core(), whole.subarray(0, size));
      expect(refusal(read)).toMatch(/^corrupt: .*ends in the middle/);
    });

    it("names extended headers without their file", () => {
      expect(refuses(pax([["uid", "1"]]))).toMatch(/followed by no file/);
      expect(refusal(() => indexOf(core(), long("L", "name")))).toMatch(/followed by no file/);
    });

    it("says where, and stays refused", () => {
      const tar = archive(file({ name: "fine" }, "x"), header({ name: "späte", type: "Q" }));
      const message = `invalid: the layer's entry at byte 1024 ("späte"): its type is unknown`;
      expect(refusal(() => indexOf(core(), tar, 7))).toBe(message);
      expect(refusal(() => indexOf(core(), tar, 100000))).toBe(message);
    });
  });

  describe("indexes", () => {
    const tar = archive(
      pax([["SCHILY.xattr.user.a", "b"]]),
      file({ name: "a/b" }, "content"),
      header({ name: "l", type: "2", link: "t" }),
      header({ name: "h", type: "1", link: "a/b" }),
    );
    const merge = (index: Uint8Array, tarBytes = tar.length) =>
      ImageTree.merge(core(), [{ index, diffId: "sha256:00", tarBytes }]);

    it("are the same for all chunkings", () => {
      const whole = indexOf(core(), tar);
      for (const step of [1, 3, 511, 512, 513, 2000]) {
        expect(Buffer.compare(indexOf(core(), tar, step), whole)).toBe(0);
      }
    });

    it("are refused with any bit changed, cut, or lengthened", () => {
      const index = indexOf(core(), tar);
      for (let at = 0; at < index.length; at++) {
        const changed = index.slice();
        changed[at]! ^= 1 << (at % 8);
        // Bytes 28 to 63 of the header have no meaning yet.
        if (at < 28 || at >= 64) expect(refusal(() => merge(changed))).toMatch(/^corrupt/);
      }
      for (const size of [0, 3, 24, 63, 64, index.length - 1]) {
        expect(refusal(() => merge(index.subarray(0, size)))).toMatch(/^corrupt/);
      }
      expect(refusal(() => merge(new Uint8Array([...index, 0, 0, 0, 0])))).toMatch(/^corrupt/);
    });

    it("are refused for another tar", () => {
      const index = indexOf(core(), tar);
      expect(refusal(() => merge(index, tar.length + 512))).toMatch(/is of a tar of/);
    });

    it("note what stands in a file's padding", () => {
      const dirty = archive(header({ name: "d", size: 3 }), body("abc", 0x41));
      const clean = archive(header({ name: "d", size: 3 }), body("abc"));
      expect(treeOf(core(), clean).erofs().spill).toEqual([]);
      expect(treeOf(core(), dirty).erofs().spill).toEqual([
        { layer: 0, offset: 512, size: 3, at: 0 },
      ]);
    });
  });

  it("counts pax records exactly", () => {
    expect(record("path", "x".repeat(90)).toString().startsWith("99 ")).toBe(true);
    expect(record("path", "x".repeat(91)).toString().startsWith("101 ")).toBe(true);
  });
});
