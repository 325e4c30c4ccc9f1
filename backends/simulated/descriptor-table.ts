// What open(2) makes: the open file description, with its place, its offset and how it was opened;
// and the table of numbers by which a process knows those that it has. dup(2) and fork(2) make
// more numbers for one description, so that they share the offset.

import { readAt, writeAt } from "./device-files.ts";
import { fail } from "./errno.ts";
import type { Inode } from "./inode.ts";
import type { Path } from "./mount.ts";
import type { PipeEnd } from "./pipe-buffer.ts";

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
  /** Of a fifo. */
  readonly pipe: PipeEnd | undefined;
  offset = 0;
  #numbers = 0;

  constructor(path: Path, mode: OpenMode, pipe?: PipeEnd) {
    this.path = path;
    this.mode = mode;
    this.pipe = pipe;
  }

  /** A process has one more number for it. */
  hold(): this {
    if (this.#numbers === 0) this.#inode.hold();
    this.#numbers++;
    return this;
  }
  /** One less; with the last one it is closed. */
  release(): void {
    this.#numbers--;
    if (this.#numbers > 0) return;
    this.pipe?.close();
    this.#inode.release();
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
    if (this.pipe) return this.pipe.receive(length);
    const bytes = readAt(this.#inode, this.offset, length);
    this.offset += bytes.length;
    return bytes;
  }

  /** At most `limitBytes` (RLIMIT_FSIZE) of a file: EFBIG for a write that would begin there. */
  write(bytes: Uint8Array, limitBytes = OFFSET_MAX): number {
    if (!this.mode.write) fail("EBADF");
    if (this.pipe) return this.#send(this.pipe, bytes);
    if (this.mode.append) this.offset = this.#inode.size;
    const limited = this.#inode.holdsContents && bytes.length > 0;
    if (limited && this.offset >= limitBytes) fail("EFBIG");
    const room = limited ? bytes.subarray(0, limitBytes - this.offset) : bytes;
    const written = writeAt(this.#inode, this.offset, room);
    this.offset += written;
    return written;
  }

  #send(pipe: PipeEnd, bytes: Uint8Array): number {
    const sent = pipe.send(bytes);
    if (sent > 0 && !this.path.mount.readOnly) this.#inode.noteWrite();
    return sent;
  }

  seek(offset: number, from: "start" | "current" | "end"): number {
    if (this.mode.pathOnly) fail("EBADF");
    if (!this.#inode.seekable) fail("ESPIPE");
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
    for (const [number, file] of this.#files) copy.#files.set(number, file.hold());
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
    this.#files.set(number, file.hold());
    return number;
  }

  /** dup2(2): whatever had the number is closed. */
  set(number: number, file: FileDescription, limit: number): void {
    if (number < 0 || number >= limit) fail("EBADF");
    const before = this.#files.get(number);
    this.#files.set(number, file.hold());
    before?.release();
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
    const file = this.get(number);
    this.#files.delete(number);
    file.release();
  }

  clear(): void {
    for (const file of this.#files.values()) file.release();
    this.#files.clear();
  }

  all(): Iterable<FileDescription> {
    return this.#files.values();
  }
}
