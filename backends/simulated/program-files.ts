// The tree as a program in a process sees it: its root, its working directory, its permissions.
// Each call is made of system calls and fails with Errno.

import { readAt, writeAt } from "./device-files.ts";
import { fail } from "./errno.ts";
import * as calls from "./file-calls.ts";
import { type Inode, MODE_TYPES, type Timestamp } from "./inode.ts";
import type { Machine } from "./machine.ts";
import { nameFrom } from "./mount.ts";
import { lookup } from "./path-lookup.ts";
import type { Process } from "./process.ts";

/** stat(2). */
export interface FileInformation {
  readonly kind: Inode["kind"];
  /** With the bits of its type, as st_mode. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly links: number;
  readonly inode: bigint;
  /** Minor of the file system's device number. */
  readonly device: number;
  readonly mtime: Timestamp;
}

export class ProgramFiles {
  readonly #machine: Machine;
  readonly #process: Process;

  constructor(machine: Machine, process: Process) {
    this.#machine = machine;
    this.#process = process;
  }

  #call<T>(work: () => T): T {
    if (!this.#process.alive) fail("ESRCH");
    return this.#machine.as(this.#process, work);
  }

  readBytes(path: string): Uint8Array<ArrayBuffer> {
    return this.#call(() => {
      const { inode } = calls.open(this.#process, path, { read: true }).dentry;
      return readAt(inode, 0, inode.kind === "file" && inode.size > 0 ? inode.size : 1 << 20);
    });
  }
  readText(path: string): string {
    return new TextDecoder().decode(this.readBytes(path));
  }

  /** Makes the file or replaces what it holds; with `append` adds to it. */
  write(
    path: string,
    data: string | Uint8Array,
    options: { readonly append?: boolean } = {},
  ): void {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    this.#call(() => {
      const { append = false } = options;
      const how = { write: true, create: true, truncate: !append };
      const { inode } = calls.open(this.#process, path, how).dentry;
      writeAt(inode, append ? inode.size : 0, bytes);
    });
  }

  /** stat(2), or lstat(2) with `follow: false`. */
  status(path: string, options: { readonly follow?: boolean } = {}): FileInformation {
    return this.#call(() => informationOf(lookup(this.#process, path, options).dentry.inode));
  }
  exists(path: string): boolean {
    try {
      this.status(path);
      return true;
    } catch {
      return false;
    }
  }
  list(path: string): string[] {
    return this.#call(() => {
      const at = calls.open(this.#process, path, { read: true });
      return [...at.dentry.inode.names()].sort();
    });
  }
  readLink(path: string): string {
    return this.#call(() => lookup(this.#process, path, { follow: false }).dentry.inode.readLink());
  }
  workingDirectory(): string {
    return nameFrom(this.#process.root, this.#process.cwd) ?? "(unreachable)";
  }

  makeDirectory(path: string, mode = 0o777): void {
    this.#call(() => calls.makeDirectory(this.#process, path, mode));
  }
  makeSymlink(text: string, path: string): void {
    this.#call(() => calls.makeSymlink(this.#process, text, path));
  }
  link(existing: string, path: string): void {
    this.#call(() => {
      const { cwd } = this.#process;
      calls.linkAt(this.#process, existing, cwd, path, cwd);
    });
  }
  rename(from: string, to: string): void {
    this.#call(() => calls.rename(this.#process, from, to));
  }
  remove(path: string): void {
    this.#call(() => calls.unlink(this.#process, path));
  }
  removeDirectory(path: string): void {
    this.#call(() => calls.removeDirectory(this.#process, path));
  }
  changeMode(path: string, mode: number): void {
    this.#call(() => calls.setAttributes(this.#process, lookup(this.#process, path), { mode }));
  }
  changeOwner(path: string, uid: number, gid: number): void {
    this.#call(() => calls.setAttributes(this.#process, lookup(this.#process, path), { uid, gid }));
  }
}

export function informationOf(inode: Inode): FileInformation {
  return {
    kind: inode.kind,
    mode: MODE_TYPES[inode.kind] | inode.mode,
    uid: inode.uid,
    gid: inode.gid,
    sizeBytes: inode.size,
    links: inode.links,
    inode: inode.number,
    device: inode.superblock.minor,
    mtime: inode.mtime,
  };
}
