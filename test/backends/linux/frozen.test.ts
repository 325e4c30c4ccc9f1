// How the memory and the descriptors of a stopped process are read from /proc.

import { describe, expect, it } from "vitest";
import { parseInformation } from "../../../backends/linux/frozen/descriptors.ts";
import { parseMappings, spansOf } from "../../../backends/linux/frozen/memory.ts";

const MAPS = `00400000-00746000 r--p 00000000 fe:00 16245009                           /opt/a node/bin/node
06b7d000-06bb6000 rw-p 00000000 00:00 0${" "}
7f1cf3e2e000-7f1cf3f3e000 rwxs 00001000 00:10 20196733                   anon_inode:[io_uring]
7fffab19c000-7fffab1bd000 rw-p 00000000 00:00 0                          [stack]
`;

/** Entries of a page map: a letter a page: own, of the file, swapped, absent. */
function entries(pages: string): Buffer {
  const bits = { o: 0x8180_0000, f: 0xa180_0000, s: 0x4000_0000, ".": 0 } as const;
  const buffer = Buffer.alloc(pages.length * 8);
  [...pages].forEach((page, at) => {
    buffer.writeUInt32LE(bits[page as keyof typeof bits], at * 8 + 4);
  });
  return buffer;
}

describe("the mappings of a process", () => {
  it("are read with their rights, offsets and names", () => {
    const [file, memory, shared, stack] = parseMappings(MAPS);
    expect(file).toMatchObject({ start: 0x400000, end: 0x746000, read: true, write: false });
    expect(file).toMatchObject({ shared: false, inode: 16245009, name: "/opt/a node/bin/node" });
    expect(memory).toMatchObject({ write: true, execute: false, inode: 0, name: "" });
    expect(shared).toMatchObject({ execute: true, shared: true, offset: 0x1000 });
    expect(stack).toMatchObject({ end: 0x7fffab1bd000, name: "[stack]" });
  });

  it("are nothing that it guesses", () => {
    expect(() => parseMappings("00400000 r--p")).toThrow("a mapping that is none");
  });
});

describe("the spans of a mapping", () => {
  const mapping = parseMappings(MAPS)[1]!;
  const pagesOf = (pages: string) =>
    spansOf(mapping, entries(pages)).map(({ start, length }) => [
      (start - mapping.start) / 4096,
      length / 4096,
    ]);

  it("are its own pages, in memory or swapped out", () => {
    expect(pagesOf("..oos.")).toEqual([[2, 3]]);
    expect(pagesOf("ffff")).toEqual([]);
    expect(pagesOf("")).toEqual([]);
  });

  it("go on over short gaps, as a mapping costs more than a page", () => {
    expect(pagesOf(`o${".".repeat(16)}o`)).toEqual([[0, 18]]);
    expect(pagesOf(`o${"f".repeat(17)}o`)).toEqual([
      [0, 1],
      [18, 1],
    ]);
  });
});

describe("what /proc says of a descriptor", () => {
  it("are its flags, and what an epoll watches", () => {
    const text = "pos:\t0\nflags:\t02004002\nmnt_id:\t16\nino:\t2079\n";
    const watches = "tfd:       73 events:       1b data:               49  pos:0 ino:81f sdev:f\n";
    expect(parseInformation(text + watches)).toEqual({
      flags: 0o2004002,
      watches: [{ other: 73, amount: 0x1b }],
    });
  });

  it("is refused where a watch carries what has another meaning", () => {
    const watch = "flags:\t02\ntfd: 73 events: 1 data: 7f0012345678\n";
    expect(() => parseInformation(watch)).toThrow("a watch of 73");
  });
});
