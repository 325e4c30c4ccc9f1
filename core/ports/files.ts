// The port for the engine's own files, and for cgroupfs and procfs, which are files too.

import { token } from "./token.ts";

export interface FileStatus {
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly sizeBytes: number;
  /** Bytes on disk: allocated blocks × 512. */
  readonly allocatedBytes: number;
  readonly mode: number;
  readonly inode: bigint;
  readonly device: bigint;
  readonly modifiedMs: number;
}

/**
 * A file being written. Nothing has its final name until `commit`: bytes go to a temporary name
 * in the same directory, which `commit` renames and `discard` removes. One of both must be called.
 */
export interface FileWriter {
  /** Appends; the bytes may be reused by the caller once the promise has resolved. */
  write(bytes: Uint8Array): Promise<void>;
  readonly sizeBytes: number;
  /** Renames to the final name, replacing what is there. Does not wait for the disk. */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** Read access to one open file. */
export interface FileReader {
  readonly sizeBytes: number;
  /** Up to `length` bytes at `offset`; shorter only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Small things are synchronous: a container's start reads and writes a handful of tiny files, and
 * a round trip through a thread pool costs more than each of them. Layers and logs, which are
 * large, stream.
 *
 * Errors: NacreError `not-found`, `exists`, `denied`, `no-space`, `kernel`, with the path.
 * Files that the engine makes have mode 0600, directories 0700, so that no user of the host
 * reaches into a container's storage.
 */
export interface Files {
  readText(path: string): string;
  readBytes(path: string): Uint8Array<ArrayBuffer>;
  /** Undefined where there is nothing; symlinks are not followed. */
  status(path: string): FileStatus | undefined;
  /** Names in a directory, unsorted; empty if it does not exist. */
  list(path: string): string[];
  makeDirectory(path: string): void;
  /** Writes a whole small file under a temporary name and renames it. */
  replace(path: string, content: string | Uint8Array): void;
  /** One write(2) into an existing control file, never created and never truncated. */
  control(path: string, text: string): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Removes a tree without following links; what is absent is fine. */
  removeTree(path: string): Promise<void>;
  /** Starts a file at `path`, or goes on with a partial one (`resume`: append to `path`.partial). */
  create(path: string, options?: { readonly resume?: boolean }): Promise<FileWriter>;
  open(path: string): Promise<FileReader>;
  /** fsync of a file or directory, or of the whole file system that holds it. */
  sync(path: string): Promise<void>;
  /** Bytes free for us on the file system that holds `path`. */
  freeBytes(path: string): number;
  /** Resolves when something below `path` may have changed, or when the signal aborts. */
  changed(path: string, signal: AbortSignal): Promise<void>;
}

export const Files = token<Files>("Files");
