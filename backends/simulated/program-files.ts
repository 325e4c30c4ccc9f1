// The tree as a program in a process sees it: its root, its working directory, its permissions.
// Each call is made of system calls and fails with Errno.

import { access } from "./attribute-calls.ts";
import { MAY_EXECUTE, MAY_READ, MAY_WRITE, permitted } from "./credentials.ts";
import { readAt, writeAt } from "./device-files.ts";
import { errnoOf, fail } from "./errno.ts";
import * as calls from "./file-calls.ts";
import {
  type AttributeChange,
  type DeviceNumber,
  type Inode,
  MODE_TYPES,
  type Timestamp,
} from "./inode.ts";
import type { Machine } from "./machine.ts";
import { nameFrom } from "./mount.ts";
import { lookup } from "./path-lookup.ts";
import type { Process } from "./process.ts";
import { requireCall } from "./seccomp.ts";
import type { UserNamespace } from "./user-namespace.ts";

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
  /** What a device node stands for. */
  readonly node: DeviceNumber | undefined;
  readonly mtime: Timestamp;
}

export class ProgramFiles {
  readonly #machine: Machine;
  readonly #process: Process;

  constructor(machine: Machine, process: Process) {
    this.#machine = machine;
    this.#process = process;
  }

  /** `name`: the system call that stands for it before a filter. */
  #call<T>(name: string, work: () => T): T {
    if (!this.#process.alive) fail("ESRCH");
    requireCall(this.#machine, this.#process, name);
    return this.#machine.as(this.#process, work);
  }

  readBytes(path: string): Uint8Array<ArrayBuffer> {
    return this.#call("openat", () => {
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
    this.#call("openat", () => {
      const { append = false } = options;
      const how = { write: true, create: true, truncate: !append };
      const { inode } = calls.open(this.#process, path, how).dentry;
      writeAt(inode, append ? inode.size : 0, bytes);
    });
  }

  /** stat(2), or lstat(2) with `follow: false`. */
  status(path: string, options: { readonly follow?: boolean } = {}): FileInformation {
    return this.#call("newfstatat", () =>
      informationOf(
        lookup(this.#process, path, options).dentry.inode,
        this.#process.credentials.user,
      ),
    );
  }
  exists(path: string): boolean {
    try {
      this.status(path);
      return true;
    } catch {
      return false;
    }
  }
  /** Undefined where there is nothing that can be looked at. */
  kindOf(path: string, options: { readonly follow?: boolean } = {}): Inode["kind"] | undefined {
    try {
      return this.#call("newfstatat", () => lookup(this.#process, path, options).dentry.inode.kind);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return undefined;
    }
  }
  /** access(2), with the effective credentials. */
  access(path: string, wanted: "read" | "write" | "execute"): boolean {
    try {
      this.#call("faccessat", () => access(this.#process, path, WANTED[wanted]));
      return true;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return false;
    }
  }
  list(path: string): string[] {
    return this.#call("openat", () => {
      const at = calls.open(this.#process, path, { read: true });
      return [...at.dentry.inode.names()].sort();
    });
  }
  readLink(path: string): string {
    return this.#call("readlinkat", () =>
      lookup(this.#process, path, { follow: false }).dentry.inode.readLink(),
    );
  }
  workingDirectory(): string {
    return nameFrom(this.#process.root, this.#process.cwd) ?? "(unreachable)";
  }

  changeDirectory(path: string): void {
    this.#call("chdir", () => {
      const at = lookup(this.#process, path);
      if (at.dentry.inode.kind !== "directory") fail("ENOTDIR");
      if (!permitted(this.#process.credentials, at.dentry.inode, MAY_EXECUTE)) fail("EACCES");
      this.#process.cwd = at;
    });
  }
  /** Without links and dots. */
  realPath(path: string): string {
    return this.#call(
      "getcwd",
      () => nameFrom(this.#process.root, lookup(this.#process, path)) ?? fail("ENOENT"),
    );
  }
  get umask(): number {
    return this.#process.umask;
  }
  set umask(mask: number) {
    this.#process.umask = mask;
  }

  makeDirectory(path: string, mode = 0o777): void {
    this.#call("mkdirat", () => calls.makeDirectory(this.#process, path, mode));
  }
  makeSymlink(text: string, path: string): void {
    this.#call("symlinkat", () => calls.makeSymlink(this.#process, text, path));
  }
  link(existing: string, path: string): void {
    this.#call("linkat", () => {
      const { cwd } = this.#process;
      calls.linkAt(this.#process, existing, cwd, path, cwd);
    });
  }
  rename(from: string, to: string): void {
    this.#call("renameat2", () => calls.rename(this.#process, from, to));
  }
  remove(path: string): void {
    this.#call("unlinkat", () => calls.unlink(this.#process, path));
  }
  removeDirectory(path: string): void {
    this.#call("unlinkat", () => calls.removeDirectory(this.#process, path));
  }
  /** mkfifo(3). */
  makeFifo(path: string, mode = 0o666): void {
    this.#call("mknodat", () => calls.makeNode(this.#process, path, "fifo", mode, undefined));
  }
  truncate(path: string, sizeBytes: number): void {
    this.#call("truncate", () =>
      calls.open(this.#process, path, { write: true }).dentry.inode.truncate(sizeBytes),
    );
  }
  changeMode(path: string, mode: number): void {
    this.#change("fchmodat", path, { mode });
  }
  /** chown(2), or lchown(2) with `follow: false`. */
  changeOwner(
    path: string,
    uid: number | undefined,
    gid: number | undefined,
    options: { readonly follow?: boolean } = {},
  ): void {
    const { uids, gids } = this.#process.credentials.user;
    const owner = {
      ...(uid !== undefined && { uid: uids.outside(uid) ?? fail("EINVAL") }),
      ...(gid !== undefined && { gid: gids.outside(gid) ?? fail("EINVAL") }),
    };
    this.#change("fchownat", path, owner, options);
  }
  /** utimensat(2). */
  changeTime(path: string, mtime: Timestamp): void {
    this.#change("utimensat", path, { mtime });
  }

  #change(
    name: string,
    path: string,
    change: AttributeChange,
    options: { readonly follow?: boolean } = {},
  ): void {
    this.#call(name, () =>
      calls.setAttributes(this.#process, lookup(this.#process, path, options), change),
    );
  }
}

const WANTED = { read: MAY_READ, write: MAY_WRITE, execute: MAY_EXECUTE } as const;

/** `user`: whose numbers owners are shown in. */
function informationOf(inode: Inode, { uids, gids }: UserNamespace): FileInformation {
  return {
    kind: inode.kind,
    mode: MODE_TYPES[inode.kind] | inode.mode,
    uid: uids.shown(inode.uid),
    gid: gids.shown(inode.gid),
    sizeBytes: inode.size,
    links: inode.links,
    inode: inode.number,
    device: inode.superblock.minor,
    node: inode.device,
    mtime: inode.mtime,
  };
}
