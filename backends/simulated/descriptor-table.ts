// What open(2) makes: the open file description, with its place, its offset and how it was opened;
// and the table of numbers by which a process knows those that it has. dup(2) and fork(2) make
// more numbers for one description, so that they share the offset.

import { readAt, writeAt } from "./device-files.ts";
import { fail } from "./errno.ts";
import type { Inode } from "./inode.ts";
import type { Path } from "./mount.ts";

export interface OpenMode {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
  /** O_PATH: a place without its contents. */
  readonly pathOnly: boolean;
}

const OFFSET_MAX = Number.MAX_SAFE_INTEGER;

export class FileDescription {
  readonly path: Path;
  readonly mode: OpenMode;
  offset = 0;

  constructor(path: Path, mode: OpenMode) {
    this.path = path;
    this.mode = mode;
  }

  get size(): number {
    return this.#inode.size;
  }
  get #inode(): Inode {
    return this.path.dentry.inode;
  }

  read(length: number): Uint8Array<ArrayBuffer> {
    if (!this.mode.read) fail("EBADF");
    if (this.#inode.kind === "directory") fail("EISDIR");
    const bytes = readAt(this.#inode, this.offset, length);
    this.offset += bytes.length;
    return bytes;
  }

  /** At most `limitBytes` (RLIMIT_FSIZE) of a file: EFBIG for a write that would begin there. */
  write(bytes: Uint8Array, limitBytes = OFFSET_MAX): number {
    if (!this.mode.write) fail("EBADF");
    if (this.mode.append) this.offset = this.#inode.size;
    const limited = this.#inode.holdsContents && bytes.length > 0;
    if (limited && this.offset >= limitBytes) fail("EFBIG");
    const room = limited ? bytes.subarray(0, limitBytes - this.offset) : bytes;
    const written = writeAt(this.#inode, this.offset, room);
    this.offset += written;
    return written;
  }

  seek(offset: number, from: "start" | "current" | "end"): number {
    if (this.mode.pathOnly) fail("EBADF");
    if (this.#inode.kind === "fifo" || this.#inode.kind === "socket") fail("ESPIPE");
    if (this.#inode.kind === "character") return 0;
    if (this.#inode.kind === "directory" && from === "end") fail("EINVAL");
    const base = { start: 0, current: this.offset, end: this.#inode.size }[from];
    if (base + offset < 0) fail("EINVAL");
    this.offset = base + offset;
    return this.offset;
  }

  truncate(size: number, limitBytes = OFFSET_MAX): void {
    if (!this.mode.write || this.#inode.kind !== "file") fail("EINVAL");
    if (size > this.size && size > limitBytes) fail("EFBIG");
    this.#inode.truncate(size);
  }
}

/** The standard streams are a process's `streams`: numbers here begin behind them. */
const FIRST = 3;

export class DescriptorTable {
  readonly #files = new Map<number, FileDescription>();

  /** As fork(2) hands it on: the same descriptions under the same numbers. */
  copy(): DescriptorTable {
    const copy = new DescriptorTable();
    for (const [number, file] of this.#files) copy.#files.set(number, file);
    return copy;
  }

  /** The lowest free number; EMFILE at the limit. */
  requireRoom(limit: number): number {
    let number = FIRST;
    while (this.#files.has(number)) number++;
    return number < limit ? number : fail("EMFILE");
  }

  add(file: FileDescription, limit: number): number {
    const number = this.requireRoom(limit);
    this.#files.set(number, file);
    return number;
  }

  /** dup2(2): whatever had the number is closed. */
  set(number: number, file: FileDescription, limit: number): void {
    if (number < 0 || number >= limit) fail("EBADF");
    this.#files.set(number, file);
  }

  get(number: number): FileDescription {
    return this.#files.get(number) ?? fail("EBADF");
  }

  find(number: number): FileDescription | undefined {
    return this.#files.get(number);
  }
  numbers(): Iterable<number> {
    return this.#files.keys();
  }

  close(number: number): void {
    if (!this.#files.delete(number)) fail("EBADF");
  }

  clear(): void {
    this.#files.clear();
  }

  all(): Iterable<FileDescription> {
    return this.#files.values();
  }
}
