// System calls on descriptors: open, read, write, lseek and their kin, as fs/open.c and
// fs/read_write.c check before the open file description is asked.

import { SIGNALS } from "@nacre/core/program/signals.ts";
import { FileDescription } from "./descriptor-table.ts";
import { errnoOf, fail } from "./errno.ts";
import { openFifo } from "./fifo.ts";
import * as files from "./file-calls.ts";
import type { Machine } from "./machine.ts";
import { lookup, requirePath } from "./path-lookup.ts";
import type { Process } from "./process.ts";
import { getLimit } from "./process-limits.ts";

export interface OpenHow extends files.OpenOptions {
  readonly append?: boolean;
  readonly directory?: boolean;
  /** O_PATH: `read`, `write` and the rest do not count. */
  readonly pathOnly?: boolean;
}

const FSIZE = 1;
const NOFILE = 7;

const numbers = (process: Process): number => Number(getLimit(process, NOFILE).soft);

/** Where a relative name starts for openat(2): EBADF only if it is needed. */
function startAt(process: Process, path: string, at: number | undefined): files.OpenOptions {
  if (at === undefined || path === "" || path.startsWith("/")) return {};
  return { start: process.files.get(at).path };
}

/** openat(2): the lowest free number, before anything is looked up or made. */
export function open(process: Process, path: string, options: OpenHow, at?: number): number {
  if (options.create && options.directory) fail("EINVAL");
  const { read = false, write = false, append = false, pathOnly = false } = options;
  requirePath(path);
  process.files.requireRoom(numbers(process));
  const how = { ...options, ...startAt(process, path, at) };
  if (pathOnly) {
    const place = lookup(process, path, how);
    if (how.directory && place.dentry.inode.kind !== "directory") fail("ENOTDIR");
    const nothing = { read: false, write: false, append: false, pathOnly };
    return process.files.add(new FileDescription(place, nothing), numbers(process));
  }
  const place = files.open(process, path, how);
  const { inode } = place.dentry;
  const pipe = inode.kind === "fifo" ? openFifo(inode, { read, write }) : undefined;
  const file = new FileDescription(place, { read, write, append, pathOnly }, pipe);
  return process.files.add(file, numbers(process));
}

export const duplicate = (process: Process, number: number): number =>
  process.files.add(process.files.get(number), numbers(process));

export function duplicateTo(process: Process, number: number, to: number): number {
  const file = process.files.get(number);
  if (number !== to) process.files.set(to, file, numbers(process));
  return to;
}

/** What it alone held goes with it: a namespace, a mount. */
export function close(machine: Machine, process: Process, number: number): void {
  process.files.close(number);
  machine.releaseNamespaces();
}

export const read = (process: Process, number: number, length: number): Uint8Array<ArrayBuffer> =>
  process.files.get(number).read(length);

/** What a process is told beside the errno, and ended by if it does not listen. */
const SIGNALED = { EFBIG: SIGNALS.XFSZ, EPIPE: SIGNALS.PIPE } as const;

/** Who goes past RLIMIT_FSIZE gets SIGXFSZ, who writes to a pipe that nobody reads SIGPIPE. */
function withinLimit<T>(machine: Machine, process: Process, call: (limitBytes: number) => T): T {
  const { soft } = getLimit(process, FSIZE);
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  try {
    return call(Number(soft > most ? most : soft));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EFBIG" || errno === "EPIPE") {
      machine.processes.signal(process, SIGNALED[errno], process.namespaces.pid);
    }
    throw error;
  }
}

export const write = (
  machine: Machine,
  process: Process,
  number: number,
  bytes: Uint8Array,
): number => {
  const file = process.files.get(number);
  return withinLimit(machine, process, (limitBytes) => file.write(bytes, limitBytes));
};

export function truncateOpen(
  machine: Machine,
  process: Process,
  number: number,
  size: number,
): void {
  if (size < 0) fail("EINVAL");
  const file = process.files.get(number);
  if (file.mode.pathOnly) fail("EBADF");
  withinLimit(machine, process, (limitBytes) => file.truncate(size, limitBytes));
}

export function truncate(machine: Machine, process: Process, path: string, size: number): void {
  if (size < 0) fail("EINVAL");
  const at = lookup(process, path);
  withinLimit(machine, process, (limitBytes) => files.truncate(process, at, size, limitBytes));
}

/** fchdir(2). */
export function changeDirectoryTo(process: Process, number: number): void {
  const { path } = process.files.get(number);
  files.requireSearchable(process, path);
  process.cwd = path;
}

/** getdents64(2) until its end, which in a removed directory (ENOENT) is at once, as readdir(3) has it. */
export function listDirectory(process: Process, fd: number): string[] {
  const { dentry } = process.files.get(fd).path;
  return dentry.hashed ? [".", "..", ...dentry.inode.names()] : [];
}
