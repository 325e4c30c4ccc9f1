// pidfds (pidfd_open(2)): a descriptor that stands for a process, whoever has its number later.
// Source: Linux, fs/pidfs.c, kernel/pid.c, kernel/signal.c.

import { Dentry } from "./dentry.ts";
import { FileDescription } from "./descriptor-table.ts";
import { fail } from "./errno.ts";
import { FixedDirectory, GeneratedInode } from "./generated.ts";
import { Superblock } from "./inode.ts";
import type { Machine } from "./machine.ts";
import { Mount, type Path } from "./mount.ts";
import type { Process } from "./process.ts";
import { send, sendToAny, type WaitOptions, type WaitResult, waitAmong } from "./process-calls.ts";
import { getLimit } from "./process-limits.ts";

const NOFILE = 7;

/** PIDFD_NONBLOCK and PIDFD_THREAD. */
const OPEN_FLAGS = 0o4000 | 0o200;
/** PIDFD_SIGNAL_THREAD, _THREAD_GROUP and _PROCESS_GROUP, one at most. */
const SIGNAL_FLAGS = [0, 1, 2, 4];
const PROCESS_GROUP = 4;

export class ProcessInode extends GeneratedInode {
  readonly process: Process;

  constructor(superblock: Superblock, process: Process) {
    super(superblock, "file", 0o700);
    this.process = process;
  }
  override get seekable(): boolean {
    return false;
  }
  override truncate(): void {
    fail("ENOTSUP");
  }
}

export class ProcessFileSystem extends Superblock {
  readonly root: FixedDirectory;
  readonly #mount: Mount;
  readonly #paths = new WeakMap<Process, Path>();

  constructor(minor: number) {
    super("pidfs", minor, "pidfs", false);
    this.root = new FixedDirectory(this);
    this.#mount = new Mount(0, this, this.dentry);
  }

  pathOf(process: Process): Path {
    const known = this.#paths.get(process);
    if (known) return known;
    const dentry = new Dentry("anon_inode:[pidfd]", undefined, new ProcessInode(this, process));
    const path = { mount: this.#mount, dentry };
    this.#paths.set(process, path);
    return path;
  }
}

/** pidfd_open(2): of a zombie, too. ESRCH for a number that nobody has. */
export function openProcess(machine: Machine, process: Process, pid: number, flags = 0): number {
  if ((flags & ~OPEN_FLAGS) !== 0 || pid <= 0) fail("EINVAL");
  const target = process.namespaces.pid.members.get(pid) ?? fail("ESRCH");
  const mode = { read: true, write: true, append: false, pathOnly: false };
  const file = new FileDescription(machine.pidfs.pathOf(target), mode);
  return process.files.add(file, Number(getLimit(process, NOFILE).soft));
}

/** EBADF for a descriptor of anything else. */
function processOf(process: Process, descriptor: number): Process {
  const { path, mode } = process.files.get(descriptor);
  const { inode } = path.dentry;
  return inode instanceof ProcessInode && !mode.pathOnly ? inode.process : fail("EBADF");
}

/** pidfd_send_signal(2): ESRCH once it has been waited for, EINVAL from outside of its namespace. */
export function signalOpen(
  machine: Machine,
  process: Process,
  descriptor: number,
  signal: number,
  flags = 0,
): void {
  if (!SIGNAL_FLAGS.includes(flags)) fail("EINVAL");
  const target = processOf(process, descriptor);
  if (!target.pids.has(process.namespaces.pid)) fail("EINVAL");
  if (flags === PROCESS_GROUP) {
    const members = machine.processes.all().filter((one) => one.group === target);
    if (!sendToAny(machine, process, members, signal)) fail("EPERM");
    return;
  }
  if (target.state === "dead") fail("ESRCH");
  if (!send(machine, process, target, signal)) fail("EPERM");
}

/** waitid(2) of P_PIDFD, with WNOHANG. ECHILD for who is no child, or is none any more. */
export function waitOpen(
  machine: Machine,
  process: Process,
  descriptor: number,
  options: WaitOptions,
): WaitResult | undefined {
  const { exited = true, stopped, continued } = options;
  if ((!exited && !stopped && !continued) || descriptor < 0) fail("EINVAL");
  const target = processOf(process, descriptor);
  return waitAmong(machine, process, process.children.has(target) ? [target] : [], options);
}
