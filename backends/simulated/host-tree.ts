// A part of the real machine, shown inside the simulated one: directories of a Files port as a
// read-only file system. What processes of the simulated machine write stays in memory; what they
// only read, the layers of pulled images, need not be copied there first.

import type { FileStatus, Files } from "@nacre/core/ports/files.ts";
import { fail } from "./errno.ts";
import {
  type AttributeChange,
  Inode,
  type InodeKind,
  Superblock,
  type Timestamp,
} from "./inode.ts";

/** The calls of a Files port that are needed to show what is there. */
export type ReadableFiles = Pick<Files, "status" | "list" | "readRange">;

const BLOCK_BYTES = 4096;

function timestamp(modifiedMs: number): Timestamp {
  const seconds = Math.floor(modifiedMs / 1000);
  return { seconds, nanoseconds: Math.round((modifiedMs - seconds * 1000) * 1e6) };
}

/** A file or directory as it is on the host now. All of it belongs to root here. */
class HostInode extends Inode {
  readonly uid = 0;
  readonly gid = 0;
  readonly links = 1;
  readonly #tree: HostTree;
  readonly #path: string;

  constructor(tree: HostTree, path: string, kind: InodeKind) {
    super(tree, tree.nextInode(), kind);
    this.#tree = tree;
    this.#path = path;
  }

  get #status(): FileStatus | undefined {
    return this.#tree.files.status(this.#path);
  }
  get mode(): number {
    return (this.#status?.mode ?? 0o700) & 0o7777;
  }
  get mtime(): Timestamp {
    return timestamp(this.#status?.modifiedMs ?? 0);
  }
  get ctime(): Timestamp {
    return this.mtime;
  }
  override get size(): number {
    return this.kind === "file" ? (this.#status?.sizeBytes ?? 0) : BLOCK_BYTES;
  }
  override get allocatedBytes(): number {
    return this.#status?.allocatedBytes ?? 0;
  }
  override lookup(name: string): Inode | undefined {
    return this.kind === "directory"
      ? this.#tree.inodeAt(`${this.#path}/${name}`)
      : fail("ENOTDIR");
  }
  override names(): readonly string[] {
    return this.kind === "directory" ? this.#tree.files.list(this.#path) : fail("ENOTDIR");
  }
  override read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (this.kind === "directory") fail("EISDIR");
    const size = this.#status?.sizeBytes ?? fail("ESTALE");
    // Nobody shall have room made for more than there is.
    const most = Math.max(0, Math.min(length, size - offset));
    return this.#tree.files.readRange(this.#path, offset, most);
  }

  override setAttributes(_change: AttributeChange): void {
    fail("EROFS");
  }
}

/** The host's directory at `path`; empty while there is none. */
export class HostTree extends Superblock {
  readonly files: ReadableFiles;
  readonly root: HostInode;
  readonly #known = new Map<string, { readonly on: string; readonly inode: HostInode }>();

  constructor(minor: number, files: ReadableFiles, path: string) {
    super("hosttree", minor, path, true);
    this.files = files;
    this.root = new HostInode(this, path, "directory");
  }

  /** The same inode as long as it is the same one on the host. */
  inodeAt(path: string): HostInode | undefined {
    const status = this.files.status(path);
    if (status?.kind !== "file" && status?.kind !== "directory") {
      this.#known.delete(path);
      return undefined;
    }
    const on = `${status.device}:${status.inode}`;
    const known = this.#known.get(path);
    if (known?.on === on) return known.inode;
    const inode = new HostInode(this, path, status.kind);
    this.#known.set(path, { on, inode });
    return inode;
  }
}
