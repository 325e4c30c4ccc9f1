// Images of layers on the real kernel, beside an overlay of the same layers unpacked.

import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ImageTree } from "@nacre/core/image-tree.ts";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { layerOf } from "../core/layer-support.ts";
import { archive, body, type Entry, entry, header, pax, tarOf } from "../core/tar-writer.ts";
import { wasmCore } from "../core/wasm-core.ts";
import { ErofsBench, factsOf, run, withoutLinks } from "./erofs-bench.ts";

const isRoot = process.getuid?.() === 0;

// Only root may mount EROFS.
describe.skipIf(!isRoot)("an image of layers, on the real kernel", () => {
  let bench: ErofsBench;
  beforeAll(() => {
    bench = new ErofsBench("erofs-layers");
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.close());

  const root: Entry = { name: "./", type: "directory", mode: 0o755, mtimeSeconds: 1 };
  const dir = (name: string, more: Partial<Entry> = {}): Entry => ({
    name,
    type: "directory",
    mode: 0o755,
    ...more,
  });

  /** Both mounts of the tars, and no difference between them. */
  const same = (...tars: Uint8Array[]) => {
    const files = tars.map((bytes) => ({ path: bench.write(bytes), bytes }));
    const expected = factsOf(bench.overlay(files.map(({ path }) => path)));
    const target = bench.erofs(wasmCore(), files);
    const found = factsOf(target);
    expect(withoutLinks(found)).toEqual(withoutLinks(expected));
    for (const fact of found) {
      if (fact.group === undefined) continue;
      const names = found.filter(({ group }) => group === fact.group);
      expect(fact.links).toBe(names.length);
    }
    return target;
  };

  it("shows files, directories, links, devices and fifos as they were packed", () => {
    same(
      tarOf(
        root,
        dir("d", { mode: 0o1777, uid: 70000, gid: 12, mtimeSeconds: 1e9, mtimeNanoseconds: 7 }),
        { name: "d/f", content: "hello", mode: 0o4755, mtimeSeconds: 5, mtimeNanoseconds: 1 },
        { name: "d/empty" },
        { name: "d/block", content: "b".repeat(512) },
        { name: "d/large", content: Buffer.alloc(100_001, "large") },
        { name: "l", type: "symlink", link: "d/f" },
        { name: "long", type: "symlink", link: "x/".repeat(240) },
        { name: "longer", type: "symlink", link: "x/".repeat(600) },
        { name: "longest", type: "symlink", link: "y".repeat(4095) },
        { name: "h", type: "hard-link", link: "d/f" },
        { name: "zero", type: "character", device: [1, 5] },
        { name: "disk", type: "block", device: [259, 300000] },
        { name: "pipe", type: "fifo", mode: 0o600 },
        { name: "old", mtimeSeconds: -2, mtimeNanoseconds: 250_000_000 },
      ),
    );
  });

  it("shows directories of any size, with odd names", () => {
    const names = ["!x", "-x", ".x", "..x", "...", "+", "~", "é", "a b", "\n", "..!", ".!", ".é"];
    const many = Array.from({ length: 3000 }, (_, i) => `many/${"n".repeat(i % 200)}${i}`);
    const wide = Array.from({ length: 250 }, (_, i) => `wide/${"w".repeat(i + 1)}`);
    const bytes = Array.from({ length: 128 }, (_, i) => Buffer.from([0x62, 0x2f, 128 + i]));
    same(
      tarOf(
        root,
        // Each directory before its own: GNU tar sets a directory's time when it leaves it.
        dir("many"),
        ...many.map((name) => ({ name })),
        dir("wide"),
        ...wide.map((name) => ({ name })),
        dir("b"),
        ...bytes.map((name) => ({ name })),
        dir("odd"),
        ...names.map((name) => ({ name: `odd/${name}` })),
      ),
    );
  });

  it("shows extended attributes and access lists", () => {
    const acl = Buffer.from(
      "0200000001000700ffffffff02000600e803000004000500ffffffff10000700ffffffff20000500ffffffff",
      "hex",
    );
    const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
    const xattrs = { "user.a": "b", "user.long": "v".repeat(2000), "trusted.t": Buffer.alloc(3) };
    same(
      tarOf(
        root,
        dir("d", { mode: 0o775, xattrs: { ...xattrs, "system.posix_acl_access": acl } }),
        { name: "d/f", content: "x", mode: 0o675, xattrs: { "security.capability": capability } },
        { name: "d/e", xattrs: { "user.empty": "" } },
        { name: "d/s", type: "symlink", link: "f", xattrs: { "trusted.link": "y" } },
      ),
    );
  });

  it("merges layers as overlayfs does", () => {
    const lower = tarOf(
      root,
      dir("keep"),
      { name: "keep/a", content: "lower a" },
      { name: "keep/b", content: "lower b", xattrs: { "user.x": "y" } },
      { name: "keep/c", type: "hard-link", link: "keep/b" },
      dir("gone"),
      { name: "gone/x", content: "x" },
      dir("opaque"),
      { name: "opaque/x", content: "x" },
      dir("opaque/sub"),
      { name: "opaque/sub/y", content: "y" },
      dir("file-over-directory"),
      { name: "file-over-directory/x" },
      { name: "directory-over-file", content: "x" },
      dir("again"),
      { name: "again/old" },
      { name: "link", type: "symlink", link: "keep" },
    );
    const middle = tarOf(
      dir("./", { mode: 0o700, mtimeSeconds: 9 }),
      dir("keep", { mode: 0o711, uid: 5 }),
      { name: "keep/.wh.b" },
      { name: ".wh.gone" },
      dir("opaque"),
      { name: "opaque/new", content: "new" },
      { name: "opaque/.wh..wh..opq" },
      { name: "file-over-directory", content: "file" },
      dir("directory-over-file"),
      { name: "directory-over-file/in", content: "in" },
      dir("again"),
      { name: "again/new" },
      { name: ".wh.again" },
      dir("link"),
      { name: "link/x" },
    );
    const upper = tarOf(
      root,
      dir("keep", { mtimeSeconds: 77 }),
      { name: "keep/b", content: "back again" },
      { name: ".wh.nothing" },
      dir("gone", { mode: 0o500 }),
      { name: "gone/y", content: "y" },
      { name: "gone/z", type: "hard-link", link: "gone/y" },
    );
    same(lower, middle, upper);
  });

  it("shows what has rubbish in its padding, mapped pages too", () => {
    const dirty = Buffer.concat([header({ name: "d", size: 700 }), body("x".repeat(700), 0x41)]);
    const target = same(archive(entry(root), dirty, entry({ name: "e", content: "clean" })));
    expect(run("python3", "-c", MAPPED_TAIL, join(target, "d")).trim()).toBe("zeros");
  });

  it.each(["ustar", "gnu", "pax", "v7", "oldgnu"])("shows what GNU tar packs as %s", (format) => {
    const from = bench.directory();
    run(
      "sh",
      "-c",
      `cd ${from} && mkdir -p d/e && echo text > d/f && ln d/f d/g && ln -s f d/l
      head -c 30000 /dev/urandom > r && chmod 640 r && touch -d 2001-02-03T04:05:06.123456789 d/e`,
    );
    if (format !== "v7") run("sh", "-c", `cd ${from} && mkfifo p && mknod n c 7 9`);
    if (format !== "v7" && format !== "ustar") {
      writeFileSync(join(from, "n".repeat(200)), "long");
    }
    const tar = join(bench.root, "made.tar");
    run("tar", `--format=${format}`, "--numeric-owner", "-C", from, "-cf", tar, ".");
    same(readFileSync(tar));
  });

  it.each([
    "gnu",
    "pax --sparse-version=0.0",
    "pax --sparse-version=0.1",
    "pax --sparse-version=1.0",
  ])("shows sparse files that GNU tar packs as %s", (format) => {
    const from = bench.directory();
    run("python3", "-c", SPARSE, from);
    const tar = join(bench.root, "made.tar");
    run(
      "tar",
      `--format=${format.split(" ")[0]}`,
      ...format.split(" ").slice(1),
      "-S",
      "-C",
      from,
      "-cf",
      tar,
      ".",
    );
    same(readFileSync(tar));
  });

  it("shows sparse files whose pieces lie askew", () => {
    const sparse = (map: string, size: number) => [
      pax([
        ["GNU.sparse.size", "12345"],
        ["GNU.sparse.name", "s"],
        ["GNU.sparse.numblocks", "4"],
        ["GNU.sparse.map", map],
      ]),
      header({ name: "s", size }),
      body(Buffer.from(Array.from({ length: size }, (_, i) => i % 251))),
    ];
    // GNU tar starts each piece at a block, others do not: with whole blocks both read the same.
    const pieces = sparse("1,512,700,1024,5000,24,12345,0", 1560);
    same(archive(entry(root), ...pieces, entry({ name: "after", content: "x" })));

    const bytes = archive(...sparse("1,3,700,1000,5000,24,9000,1", 1028));
    const target = bench.erofs(wasmCore(), [{ path: bench.write(bytes), bytes }]);
    const expected = Buffer.alloc(12345);
    let at = 0;
    for (const [from, size] of [
      [1, 3],
      [700, 1000],
      [5000, 24],
      [9000, 1],
    ] as const) {
      for (let i = 0; i < size; i++) expected[from + i] = at++ % 251;
    }
    expect(readFileSync(join(target, "s")).equals(expected)).toBe(true);
  });

  it("shows files of layers past what one block address space holds", () => {
    // A tar of 1.9 TiB, nearly all of it a hole, and a small one above it.
    const size = Math.floor(1.9 * 2 ** 40);
    const huge = Buffer.concat([entry(root), header({ name: "huge", size })]);
    const small = tarOf({ name: "small", content: "small" });
    const hugePath = bench.write(huge);
    const tailAt = huge.length + Math.ceil(size / 512) * 512;
    const tail = archive(entry({ name: "tail", content: "tail" }));
    const tarBytes = tailAt + tail.length;
    const file = openSync(hugePath, "r+");
    writeSync(file, tail, 0, tail.length, tailAt);
    closeSync(file);
    const core = wasmCore();
    const reader = core.exports.tarNew!();
    const feed = (bytes: Uint8Array) => {
      core.view(core.exports.io!(), bytes.length).set(bytes);
      expect(core.exports.tarFeed!(reader, core.exports.io!(), bytes.length)).toBe(0);
    };
    feed(huge);
    core.exports.tarPass!(reader, core.exports.tarSkip!(reader));
    feed(Buffer.alloc(tailAt - huge.length - size));
    feed(tail);
    expect(core.exports.tarFinish!(reader)).toBe(0);
    const index = Buffer.concat(
      [0, 1, 2].map((part) =>
        core.view(
          core.exports.tarIndexPart!(reader, part),
          core.exports.tarIndexPartSize!(reader, part),
        ),
      ),
    );
    const layers = [
      { index, diffId: `sha256:${"1".repeat(64)}`, tarBytes },
      layerOf(core, small),
      { index, diffId: `sha256:${"1".repeat(64)}`, tarBytes },
    ];
    const { image } = ImageTree.merge(core, layers).erofs();
    const target = bench.mountErofs(image, [hugePath, bench.write(small), hugePath]);
    expect(run("cat", join(target, "tail"), join(target, "small"))).toBe("tailsmall");
    expect(statSync(join(target, "huge")).size).toBe(size);
    expect(run("tail", "-c", "3", join(target, "huge"))).toBe("\0\0\0");
  });
});

/** Reads what a mapping shows between a file's end and the end of its page. */
const MAPPED_TAIL = `
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
file = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(file).st_size
at = libc.mmap(None, ctypes.c_size_t(4096), mmap.PROT_READ, mmap.MAP_PRIVATE, file, ctypes.c_long(0))
print("zeros" if not any(ctypes.string_at(at, 4096)[size:]) else "rubbish")
`;

const SPARSE = `
import os, sys
def make(name, size, *pieces):
    with open(os.path.join(sys.argv[1], name), "wb") as file:
        for at, text in pieces:
            file.seek(at)
            file.write(text)
        file.truncate(size)
make("middle", 1 << 20, (65536, b"m" * 8192))
make("ends", 300000, (0, b"a" * 4096), (299000, b"z" * 1000))
make("hole", 5 << 20)
make("odd", 1000001, (500000, b"odd"), (900000, os.urandom(50000)))
make("many", 40 << 20, *[(i * 20480, b"%d" % i) for i in range(2000)])
`;
