// A tree as the engine walks it, with what is mounted in it: Files.walk, find and openBeneath.

import { walkPath } from "@nacre/core/path-walk.ts";
import type { FileStatus, FoundEntry, TreeEntry, WalkOptions } from "@nacre/core/ports/files.ts";
import type { Inode, InodeKind } from "./inode.ts";
import { followMounts, type Path } from "./mount.ts";
import type { Process } from "./process.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const KINDS: Readonly<Record<InodeKind, TreeEntry["kind"]>> = {
  file: "file",
  directory: "directory",
  symlink: "symlink",
  character: "character-device",
  block: "block-device",
  fifo: "fifo",
  socket: "socket",
};

/** See Files.status. */
export function statusOf(inode: Inode): FileStatus {
  const plain = ["file", "directory", "symlink"].includes(inode.kind);
  return {
    kind: plain ? (inode.kind as FileStatus["kind"]) : "other",
    sizeBytes: inode.size,
    allocatedBytes: inode.allocatedBytes,
    ...{ mode: inode.mode, uid: inode.uid, gid: inode.gid },
    ...{ inode: inode.number, device: BigInt(inode.superblock.minor) },
    modifiedMs: inode.mtime.seconds * 1000 + Math.floor(inode.mtime.nanoseconds / 1e6),
  };
}

/** Whose it is in the user namespace of the process that looks. */
export function seen<T extends { readonly uid: number; readonly gid: number }>(
  process: Process,
  entry: T,
): T {
  const { uids, gids } = process.namespaces.user;
  return { ...entry, uid: uids.shown(entry.uid), gid: gids.shown(entry.gid) };
}

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
    ...{ inode: inode.number, device: BigInt(inode.superblock.minor) },
    ...(isDevice && { node: device ?? { major: 0, minor: 0 } }),
    target: encoder.encode(kind === "symlink" ? inode.readLink() : ""),
    attributes: [...inode.attributeNames()]
      .sort()
      .map((name) => ({ name, value: Uint8Array.from(inode.attribute(name)) })),
  };
}

/** What a directory has by a name, at the top of what is mounted there. */
function childOf(directory: Path, name: string): Path | undefined {
  if (directory.dentry.inode.kind !== "directory") return undefined;
  const dentry = directory.dentry.child(name);
  return dentry && followMounts({ mount: directory.mount, dentry });
}

/** See Files.walk. */
export function walkTree(
  root: Path,
  { below = new Uint8Array(), enters = () => true }: WalkOptions,
): Iterable<TreeEntry> {
  const start = below.length === 0 ? root : placeBeneath(root, below);
  return start ? within(start, decoder.decode(below), enters) : [];
}

function* within(
  directory: Path,
  path: string,
  enters: (directory: TreeEntry) => boolean,
): Generator<TreeEntry> {
  for (const name of sortedNames(directory.dentry.inode.names())) {
    const at = childOf(directory, name);
    if (!at) continue;
    const entry = entryOf(path === "" ? name : `${path}/${name}`, at.dentry.inode);
    yield entry;
    if (entry.kind !== "directory" || !enters(entry)) continue;
    yield* within(at, path === "" ? name : `${path}/${name}`, enters);
  }
}

/** What is at a path without links in it. */
export function placeBeneath(directory: Path, path: Uint8Array): Path | undefined {
  let at: Path | undefined = directory;
  for (const name of decoder.decode(path).split("/")) {
    if (name === "" || name === "." || name === ".." || !at) return undefined;
    at = childOf(at, name);
  }
  return at;
}

/** See Files.find. */
export function findBelow(root: Path, path: Uint8Array, follow: boolean): FoundEntry | undefined {
  const walked = walkPath(root, decoder.decode(path), follow, (directory, name) => {
    const place = childOf(directory, name);
    if (!place) return undefined;
    const { inode } = place.dentry;
    const target = inode.kind === "symlink" ? inode.readLink() : "";
    return { place, kind: KINDS[inode.kind], target };
  });
  if (!walked) return undefined;
  const own = walked.names.join("/");
  return {
    path: encoder.encode(own),
    entry: walked.place && entryOf(own, walked.place.dentry.inode),
  };
}
