// The port for the engine's own files, and for cgroupfs and procfs, which are files too.

import { token } from "./token.ts";

export interface FileStatus {
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly sizeBytes: number;
  /** Bytes on disk: allocated blocks × 512. */
  readonly allocatedBytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly inode: bigint;
  readonly device: bigint;
  readonly modifiedMs: number;
}

/** What a device node stands for: major and minor number, of character or block devices. */
export interface DeviceNode {
  readonly type: "character" | "block";
  readonly major: number;
  readonly minor: number;
}

/**
 * A file being written. Nothing has its final name until `commit`: bytes go to a temporary name
 * in the same directory, which no other writer uses. One of `commit`, `suspend` and `discard` must
 * be called; a second call of any of them does nothing.
 */
export interface FileWriter {
  /** Where the bytes are until `commit`, so that they can be read meanwhile. */
  readonly path: string;
  /** Appends; the bytes may be reused by the caller once the promise has resolved. */
  write(bytes: Uint8Array): Promise<void>;
  readonly sizeBytes: number;
  /** Renames to the final name, replacing what is there. Does not wait for the disk. */
  commit(): Promise<void>;
  /** Keeps the bytes for a later `create` with `resume`; of a writer without it, discards them. */
  suspend(): Promise<void>;
  discard(): Promise<void>;
}

/** Read access to one open file. */
export interface FileReader {
  /** As FileStatus has it: whether a name is still, or no more, that of this file. */
  readonly inode: bigint;
  /** When it was opened; what is appended later can be read too. */
  readonly sizeBytes: number;
  /** Up to `length` bytes at `offset`; shorter only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** An extended attribute. */
export interface Attribute {
  /** With its namespace: `security.capability`. */
  readonly name: string;
  readonly value: Uint8Array;
}

/** Something in a tree, as `Files.walk` finds it. */
export interface TreeEntry {
  /** From the tree's root, with no slash at either end. Bytes, for names need not be UTF-8. */
  readonly path: Uint8Array;
  readonly kind:
    | "file"
    | "directory"
    | "symlink"
    | "character-device"
    | "block-device"
    | "fifo"
    | "socket";
  /** 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970, rounded down; the nanoseconds are to be added. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** Of a file; else 0. */
  readonly sizeBytes: number;
  /** Bytes on disk. */
  readonly allocatedBytes: number;
  /** Names that lead to it. */
  readonly links: number;
  readonly inode: bigint;
  /** Of the file system that it is on: a tree may have others mounted in it. */
  readonly device: bigint;
  /** When it or its metadata were last changed (st_ctime), where the host tells; nobody can set it. */
  readonly changedNs?: bigint;
  /** What a device node stands for. */
  readonly node?: { readonly major: number; readonly minor: number };
  /** What a symlink says; else empty. */
  readonly target: Uint8Array;
  /** Sorted by name. */
  readonly attributes: readonly Attribute[];
}

export interface WalkOptions {
  readonly below?: Uint8Array;
  readonly enters?: (directory: TreeEntry) => boolean;
}

/** What a path leads to in a tree. */
export interface FoundEntry {
  /** Without links, from the tree's root, with no slash at either end; empty for the root. */
  readonly path: Uint8Array;
  /** Its `path` is the same. Undefined where nothing is there, in a directory that is. */
  readonly entry: TreeEntry | undefined;
}

/**
 * Small things are synchronous: a container's start reads and writes a handful of tiny files, and
 * a round trip through a thread pool costs more than each of them. Layers and logs, which are
 * large, stream.
 *
 * Errors: NacreError `not-found`, `exists`, `in-use` (a directory that is not empty, a mount
 * point), `denied`, `no-space`, `kernel`, with the path.
 * Files that the engine makes have mode 0600, directories 0700, so that no user of the host
 * reaches into a container's storage.
 */
export interface Files {
  readText(path: string): string;
  readBytes(path: string): Uint8Array<ArrayBuffer>;
  /** So many bytes of a file from an offset on; shorter only at its end. Only they are read. */
  readRange(path: string, offset: number, length: number): Uint8Array<ArrayBuffer>;
  /**
   * A small file below `directory` in a tree that somebody else may be changing: no component is
   * followed if it is a symlink. Undefined if it is absent, no regular file, larger than
   * `limitBytes`, or reached through a link.
   */
  readBeneath(directory: string, path: string, limitBytes: number): Uint8Array | undefined;
  /**
   * Everything below a directory, which somebody else may be changing: each directory before what
   * it holds, names in the order of their bytes. No symlink is followed; what goes while it is
   * looked at is left out, and so is what lies in directories that it `enters` not. With `below`,
   * a path that `find` gave, only what lies below that. NacreError `unsupported` where extended
   * attributes cannot be read.
   */
  walk(directory: string, options?: WalkOptions): Iterable<TreeEntry>;
  /**
   * Where `path` leads for somebody whose root is `directory`, which somebody else may be changing:
   * links lead on inside of it, also one at the end with `follow` or a slash behind it. Undefined
   * where a directory on the way is missing. NacreError `invalid` for links that lead in a circle.
   */
  find(directory: string, path: Uint8Array, follow: boolean): FoundEntry | undefined;
  /** Opens what `walk` found, as carefully; undefined if it is no regular file any more. */
  openBeneath(directory: string, path: Uint8Array): Promise<FileReader | undefined>;
  /** Undefined where there is nothing; symlinks are not followed. */
  status(path: string): FileStatus | undefined;
  /** What a symlink says, magic links of procfs too; undefined where there is none. */
  readLink(path: string): string | undefined;
  /** The device that a path names, through symlinks; undefined where there is none. */
  deviceAt(path: string): DeviceNode | undefined;
  /** Names in a directory, unsorted; empty if it does not exist. */
  list(path: string): string[];
  /** Makes a directory, with another mode than 0700 where asked, and those above it; what exists is left as it is. */
  makeDirectory(path: string, mode?: number): void;
  /** Writes a whole small file under a temporary name and renames it. */
  replace(path: string, content: string | Uint8Array): void;
  /** One write(2) into an existing control file, never created and never truncated. */
  control(path: string, text: string): void;
  /** Replaces a file that has the new name already. */
  rename(from: string, to: string): void;
  /** Removes a file, a link or an empty directory (a cgroup is one). */
  remove(path: string): void;
  /** Removes a tree of any depth without following links; what is absent is fine. `in-use` if something is mounted in it. */
  removeTree(path: string): Promise<void>;
  /**
   * Starts a file at `path`. With `resume` it goes on with what an earlier attempt suspended, or
   * left when it was killed, if there is such: `sizeBytes` says how much. At most one writer gets
   * it; one that comes meanwhile begins at 0.
   */
  create(path: string, options?: { readonly resume?: boolean }): Promise<FileWriter>;
  /** Removes from a directory what killed writers left, with `partials` also what can be resumed. Returns the names. */
  sweep(directory: string, options: { readonly partials: boolean }): string[];
  open(path: string): Promise<FileReader>;
  /** fsync(2) of a file or directory. */
  sync(path: string): Promise<void>;
  /** Bytes free for us on the file system that holds `path`. */
  freeBytes(path: string): number;
  /**
   * Resolves when a file, or something directly in a directory, may have changed since the call,
   * or when the signal aborts, or after a while by itself: whoever looks, then calls and looks
   * again, misses nothing.
   */
  changed(path: string, signal: AbortSignal): Promise<void>;
}

export const Files = token<Files>("Files");
