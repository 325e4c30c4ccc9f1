// A tree of inodes as the engine walks it: Files.walk and Files.openBeneath.

import type { TreeEntry } from "@nacre/core/ports/files.ts";
import type { Inode, InodeKind } from "./inode.ts";

const encoder = new TextEncoder();
const KINDS: Readonly<Record<InodeKind, TreeEntry["kind"]>> = {
  file: "file",
  directory: "directory",
  symlink: "symlink",
  character: "character-device",
  block: "block-device",
  fifo: "fifo",
  socket: "socket",
};

/** In the order of their bytes as UTF-8, which is that of their code points. */
export function sortedNames(names: Iterable<string>): string[] {
  const all = [...names].map((name) => ({ name, bytes: encoder.encode(name) }));
  return all.sort((a, b) => compareBytes(a.bytes, b.bytes)).map(({ name }) => name);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  }
  return a.length - b.length;
}

function entryOf(path: string, inode: Inode): TreeEntry {
  const { kind, device } = inode;
  const isDevice = kind === "character" || kind === "block";
  return {
    path: encoder.encode(path),
    kind: KINDS[kind],
    mode: inode.mode,
    uid: inode.uid,
    gid: inode.gid,
    mtimeSeconds: inode.mtime.seconds,
    mtimeNanoseconds: inode.mtime.nanoseconds,
    sizeBytes: kind === "file" ? inode.size : 0,
    allocatedBytes: inode.allocatedBytes,
    links: inode.links,
    inode: inode.number,
    ...(isDevice && { node: device ?? { major: 0, minor: 0 } }),
    target: encoder.encode(kind === "symlink" ? inode.readLink() : ""),
    attributes: [...inode.attributeNames()]
      .sort()
      .map((name) => ({ name, value: Uint8Array.from(inode.attribute(name)) })),
  };
}

/** What lies below a directory of one file system. */
export function* walkInodes(directory: Inode, path = ""): Generator<TreeEntry> {
  for (const name of sortedNames(directory.names())) {
    const inode = directory.lookup(name);
    if (!inode) continue;
    const own = path === "" ? name : `${path}/${name}`;
    yield entryOf(own, inode);
    if (inode.kind === "directory") yield* walkInodes(inode, own);
  }
}

export function inodeBeneath(directory: Inode, path: Uint8Array): Inode | undefined {
  let at: Inode | undefined = directory;
  for (const name of new TextDecoder().decode(path).split("/")) {
    if (name === "" || name === "." || name === ".." || at?.kind !== "directory") return undefined;
    at = at.lookup(name);
  }
  return at;
}
