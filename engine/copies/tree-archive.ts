// A part of a tree as a tar. It may be changed meanwhile: archive.ts says what becomes of that.

import type { Attribute, Files, FoundEntry, TreeEntry } from "@nacre/core/ports/files.ts";
import { archiveOf } from "../roots/archive.ts";
import type { Member } from "../roots/members.ts";
import { byteText, textBytes } from "../roots/storage-tree.ts";

/** Something of a tree, with its name in a copy. */
export interface TreeMember {
  /** Below the thing that is copied; empty for that itself. */
  readonly relative: string;
  readonly entry: TreeEntry;
  readonly identity?: string;
}

/** What a path leads to and, of a directory, all that it holds. Names as byteText has them. */
export function* treeMembers(files: Files, root: string, found: FoundEntry): Generator<TreeMember> {
  const { entry, path } = found;
  if (!entry) return;
  yield { relative: "", entry, ...identityOf(entry) };
  if (entry.kind !== "directory") return;
  const start = path.length === 0 ? 0 : path.length + 1;
  const enters = (directory: TreeEntry): boolean => !isKernels(directory, entry);
  for (const below of files.walk(root, { below: path, enters })) {
    yield { relative: byteText(below.path.subarray(start)), entry: below, ...identityOf(below) };
  }
}

/** Where every container has what the kernel makes up: nothing that could be copied. */
const KERNELS: ReadonlySet<string> = new Set(["proc", "sys", "dev"]);

/** Whether one of those is mounted there. */
function isKernels({ path, device }: TreeEntry, top: TreeEntry): boolean {
  return device !== top.device && KERNELS.has(byteText(path));
}

/** A tar of that, with the owners that are `shown`, in which it is called `name`; `.` for the contents of a directory. */
export function treeArchive(
  files: Files,
  root: string,
  found: FoundEntry,
  name: string,
  shown: (entry: TreeEntry) => TreeEntry = (entry) => entry,
): AsyncIterable<Uint8Array> {
  const base = byteText(new TextEncoder().encode(name));
  const members = membersOf(treeMembers(files, root, found), base, shown);
  return archiveOf(files, { upper: root, layers: [] }, members);
}

function* membersOf(
  members: Iterable<TreeMember>,
  base: string,
  shown: (entry: TreeEntry) => TreeEntry,
): Generator<Member> {
  for (const { relative, entry: kept, identity } of members) {
    const entry = shown(kept);
    // A socket belongs to a process: there is none in a tar.
    if (entry.kind === "socket") continue;
    const { kind, mode, uid, gid, mtimeSeconds, mtimeNanoseconds, sizeBytes, target, node } = entry;
    const path = textBytes(named(base, relative));
    yield {
      header: {
        ...{ kind, path, mode, uid, gid, mtimeSeconds, mtimeNanoseconds, sizeBytes },
        attributes: portable(entry.attributes),
        ...(kind === "symlink" && { target }),
        ...(node && { node }),
      },
      ...(kind === "file" && { contents: { from: "storage", path: entry.path } as const }),
      ...(identity !== undefined && { identity }),
    };
  }
}

/** The root is called `/`, and docker's names of what it holds begin with that. */
function named(base: string, relative: string): string {
  if (base === "/") return relative === "" ? "" : `/${relative}`;
  return relative === "" ? base : `${base}/${relative}`;
}

function identityOf({ kind, links, device, inode }: TreeEntry): { identity?: string } {
  return kind !== "directory" && links > 1 ? { identity: `${device} ${inode}` } : {};
}

/** Attributes that mean the same on another file system: not labels, nor what a file system notes. */
export const portable = (attributes: readonly Attribute[]): Attribute[] =>
  attributes.filter(({ name }) => name === "security.capability" || name.startsWith("user."));
