import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { ImageTree } from "@nacre/core/image-tree.ts";
import { LayerIndexer } from "@nacre/core/layer-index.ts";
import { TAR_END, type TarMember, tarHeader, tarPadding } from "@nacre/core/tar-writer.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../contract/temporary.ts";
import { wasmCore } from "./wasm-core.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const common = { mode: 0o644, uid: 1, gid: 2, mtimeSeconds: 1_000_000_000 } as const;

/** A member with its contents. */
function whole(member: TarMember, contents: Uint8Array = new Uint8Array()): Buffer {
  return Buffer.concat([tarHeader(member), contents, tarPadding(contents.length)]);
}

function listed(...parts: Uint8Array[]): string[] {
  const path = `${temporaryDirectory()}/a.tar`;
  writeFileSync(path, Buffer.concat([...parts, TAR_END]));
  const options = ["--numeric-owner", "--full-time", "--utc", "--quoting-style=c", "-tvf", path];
  const text = execFileSync("tar", options, { encoding: "utf8" });
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ +/g, " "));
}

describe("tars that are written", () => {
  it("are what GNU tar reads", () => {
    const long = `${"d/".repeat(90)}name`;
    const lines = listed(
      whole({ ...common, path: bytes("d"), kind: "directory", mode: 0o1777 }),
      whole({ ...common, path: bytes(long), kind: "file", sizeBytes: 3 }, bytes("abc")),
      whole({ ...common, path: bytes("l"), kind: "symlink", target: bytes("t".repeat(200)) }),
      whole({ ...common, path: bytes("h"), kind: "hard-link", target: bytes(long) }),
      whole({
        ...common,
        path: bytes("c"),
        kind: "character-device",
        node: { major: 1, minor: 3 },
      }),
      whole({
        ...common,
        path: bytes("p"),
        kind: "fifo",
        uid: 3_000_000,
        mtimeSeconds: 1,
        mtimeNanoseconds: 5e8,
      }),
    );
    const date = "2001-09-09 01:46:40";
    expect(lines).toEqual([
      `drwxrwxrwt 1/2 0 ${date} "d/"`,
      `-rw-r--r-- 1/2 3 ${date} "${long}"`,
      `lrw-r--r-- 1/2 0 ${date} "l" -> "${"t".repeat(200)}"`,
      `hrw-r--r-- 1/2 0 ${date} "h" link to "${long}"`,
      `crw-r--r-- 1/2 1,3 ${date} "c"`,
      'prw-r--r-- 3000000/2 0 1970-01-01 00:00:01.5 "p"',
    ]);
  });

  it("hold files with holes as GNU tar knows them", () => {
    const segments = [
      { offset: 4096, size: 3 },
      { offset: 1 << 20, size: 2 },
    ];
    const sizeBytes = 2 << 20;
    const sparse = whole(
      { ...common, path: bytes("holes"), kind: "file", sizeBytes, segments },
      bytes("abcde"),
    );
    const next = whole({ ...common, path: bytes("next"), kind: "file", sizeBytes: 1 }, bytes("x"));
    expect(listed(sparse, next).map((line) => line.split(" ")[2])).toEqual([`${sizeBytes}`, "1"]);
  });

  it("are read back by the core as they were written, whatever the names and attributes", () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 180 })
      .map((all) => all.map((byte) => (byte === 0 || byte === 47 || byte === 46 ? 97 : byte)));
    const member = fc.record({
      path: name,
      mode: fc.nat(0o7777),
      uid: fc.nat(2 ** 32 - 2),
      gid: fc.nat(2 ** 32 - 2),
      mtimeSeconds: fc.integer({ min: -(2 ** 33), max: 2 ** 34 }),
      mtimeNanoseconds: fc.nat(999_999_999),
      value: fc.uint8Array({ maxLength: 300 }),
    });
    const core = wasmCore();
    fc.assert(
      fc.property(member, ({ value, path, ...fields }) => {
        const attributes = [{ name: "user.x", value }];
        const tar = Buffer.concat([
          whole({ ...fields, path, kind: "file", sizeBytes: 2, attributes }, bytes("hi")),
          TAR_END,
        ]);
        const fork = core.fork();
        const indexer = new LayerIndexer(fork);
        indexer.write(tar);
        const layer = { index: indexer.finish(), diffId: `sha256:${"0".repeat(64)}` };
        const tree = ImageTree.merge(fork, [{ ...layer, tarBytes: tar.length }]);
        const found = [...tree.entries()].at(-1);
        expect(found).toMatchObject({ ...fields, kind: "file", size: 2 });
        expect([...(found?.pathBytes ?? [])]).toEqual([...path]);
        expect(found?.xattrs().map((one) => [...one.value])).toEqual([[...value]]);
      }),
      { numRuns: 60 },
    );
  });
});
