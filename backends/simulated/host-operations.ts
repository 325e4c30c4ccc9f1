// Operations on the machine's own tree: directories, files, cgroups, and mounts that several
// programs share. Each is the sequence of system calls that core/program/operation.ts names.

import type { OwnerMap } from "@nacre/core/program/mount-description.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import { CgroupDirectory } from "./cgroupfs.ts";
import { callAfter } from "./clock.ts";
import { capable } from "./credentials.ts";
import { writeAt } from "./device-files.ts";
import { attachFilter, loadDeviceFilter } from "./device-filter.ts";
import { because, errnoNamed, errnoOf, fail, isErrnoName } from "./errno.ts";
import { type Execution, NOTHING_MADE, type Outcome } from "./execution.ts";
import * as files from "./file-calls.ts";
import { writeIdMap } from "./id-map-files.ts";
import type { Inode } from "./inode.ts";
import type { Mount, Path } from "./mount.ts";
import { moveMount, newMount, openTree, reconfigure, showOwners, unmount } from "./mount-calls.ts";
import { newUserNamespace } from "./namespace-calls.ts";
import { lookup } from "./path-lookup.ts";
import { ProcessGone } from "./process.ts";

export type Of<N extends Operation["op"]> = Extract<Operation, { op: N }>;

const encoder = new TextEncoder();

/** Runs a call; the errors named are as good as success. */
export function unless(errors: readonly string[], call: () => void): void {
  try {
    call();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || !errors.includes(errno)) throw error;
  }
}

export const isMountRoot = (path: Path): boolean => path.dentry === path.mount.root;

function isMountedAt(self: Execution, path: string): boolean {
  try {
    return isMountRoot(lookup(self.process, path, { follow: false }));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

export function makeDirectory(self: Execution, o: Of<"makeDirectory">): Outcome {
  try {
    files.makeDirectory(self.process, o.path, o.mode);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST" || o.existing === "fail") throw error;
    if (lookup(self.process, o.path).dentry.inode.kind !== "directory") throw error;
    return NOTHING_MADE;
  }
  return undefined;
}

export async function removeDirectory(self: Execution, o: Of<"removeDirectory">): Promise<void> {
  let left = o.retryMs;
  for (let pause = 1; ; pause = Math.min(pause * 2, 32)) {
    try {
      return self.machine.as(self.process, () => files.removeDirectory(self.process, o.path));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "ENOENT") return;
      if (errno !== "EBUSY" || left <= 0) {
        if (o.ifUnused && (errno === "EBUSY" || errno === "ENOTEMPTY")) return;
        throw error;
      }
    }
    removeWithin(self, o.path);
    await self.machine.clock.sleep(pause);
    left -= pause;
  }
}

/** Groups that a container has made below its own: by now nobody is in them. */
function removeWithin(self: Execution, path: string): void {
  const { inode } = lookup(self.process, path).dentry;
  for (const name of inode.names()) {
    const below = `${path}/${name}`;
    if (inode.lookup(name)?.kind !== "directory") continue;
    removeWithin(self, below);
    try {
      self.machine.as(self.process, () => files.removeDirectory(self.process, below));
    } catch (error) {
      if (errnoOf(error) !== "EBUSY") throw error;
    }
  }
}

/** open(2) for writing, one write(2). */
function writeOnce(self: Execution, path: string, data: string): void {
  const at = because("open", () => files.open(self.process, path, { write: true }));
  const bytes = encoder.encode(data);
  because("write", () => writeAt(at.dentry.inode, 0, bytes));
}

export function writeFile(self: Execution, o: Of<"writeFile">): void {
  writeOnce(self, o.path, o.data);
}

/** write(2) until all is written. */
export function writeFully(inode: Inode, bytes: Uint8Array, from = 0): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeAt(inode, from + done, bytes.subarray(done)) || fail("EIO", "write");
  }
}

export function createFile(self: Execution, o: Of<"createFile">): void {
  const options = { write: true, create: true, exclusive: true, follow: false, mode: o.mode };
  const at = because("open", () => files.open(self.process, o.path, options));
  try {
    writeFully(at.dentry.inode, encoder.encode(o.data));
  } catch (error) {
    files.unlink(self.process, o.path);
    throw error;
  }
}

export function removeFile(self: Execution, o: Of<"removeFile">): void {
  unless(["ENOENT"], () => files.unlink(self.process, o.path));
}

/** A parent that a neighbour removed meanwhile is made again. */
export function makeCgroup(self: Execution, o: Of<"makeCgroup">): void {
  try {
    files.makeDirectory(self.process, o.path, 0o755);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EEXIST" && o.shared) return;
    const slash = o.path.lastIndexOf("/");
    if (errno !== "ENOENT" || slash <= 0) throw error;
    unless(["EEXIST"], () => files.makeDirectory(self.process, o.path.slice(0, slash), 0o755));
    files.makeDirectory(self.process, o.path, 0o755);
  }
}

export function mount(self: Execution, o: Of<"mount">): void {
  const { machine, process } = self;
  const made = newMount(machine, process, o.mount);
  because("move_mount", () => {
    moveMount(machine, process, made, lookup(process, o.target, { follow: false }));
  });
}

/** The user namespace that a mount gets its map from is made for it, and its maps written from here. */
export function withOwners(
  { machine, process }: Execution,
  tree: Mount,
  idmap: OwnerMap | undefined,
  recursive: boolean,
): Mount {
  if (!idmap || (idmap.uids === "" && idmap.gids === "")) return tree;
  const user = because("clone", () => newUserNamespace(machine, process));
  for (const kind of ["uids", "gids"] as const) {
    because("write", () => writeIdMap(machine, user, kind, idmap[kind]));
  }
  return because("mount_setattr idmap", () =>
    showOwners(machine, process, tree, user, { recursive }),
  );
}

/** As who makes files, with the powers over them that it has. */
export function actAsOwner({ process }: Execution, o: Of<"actAsOwner">): void {
  const { credentials: who } = process;
  if (!capable(who, "CAP_SETPCAP", who.user)) fail("EPERM", "PR_SET_SECUREBITS");
  const fsUid = who.user.uids.outside(o.uid) ?? fail("EINVAL", "setfsuid");
  const fsGid = who.user.gids.outside(o.gid) ?? fail("EINVAL", "setfsuid");
  process.credentials = { ...who, fsUid, fsGid };
}

export function bind(self: Execution, o: Of<"bind">): void {
  const { machine, process } = self;
  const opened = because(`open_tree ${o.source}`, () =>
    openTree(machine, process, lookup(process, o.source), { recursive: false }),
  );
  const tree = withOwners(self, opened, o.idmap, false);
  because("move_mount", () => {
    moveMount(machine, process, tree, lookup(process, o.target, { follow: false }));
  });
}

export function remount(self: Execution, o: Of<"remount">): void {
  because("fspick", () => reconfigure(self.process, o.target, o.options));
}

export function unmountTarget(self: Execution, o: Of<"unmount">): void {
  const { machine, process } = self;
  unless(["EINVAL", "ENOENT"], () => unmount(machine, process, o.target, { detach: o.detach }));
}

/**
 * flock(2) on the lock file stands for "is in use". Nothing runs between two calls here, so the
 * steps of nacre-init that guard against that are not needed: who finds the lock free has it.
 */
export function shareMount(self: Execution, o: Of<"shareMount">): void {
  const { machine, process } = self;
  const options = { read: true, write: true, create: true, follow: false, mode: 0o600 };
  const lock = because(`open ${o.lock}`, () => files.open(process, o.lock, options)).dentry.inode;
  if (!isMountedAt(self, o.target)) {
    if (machine.lockHolders(lock).size > 0) {
      fail("EBUSY", `${o.lock} is in use, but ${o.target} is not mounted`);
    }
    try {
      unless(["EEXIST"], () => files.makeDirectory(process, o.target, 0o755));
      mount(self, { op: "mount", mount: o.mount, target: o.target });
    } catch (error) {
      unless(["ENOENT", "ENOTEMPTY", "EBUSY", "ENOTDIR"], () =>
        files.removeDirectory(process, o.target),
      );
      files.unlink(process, o.lock);
      throw error;
    }
  }
  machine.lockHolders(lock).add(process);
}

export function releaseMount(self: Execution, o: Of<"releaseMount">): void {
  const { machine, process } = self;
  let lock: Inode;
  try {
    lock = files.open(process, o.lock, { read: true, write: true, follow: false }).dentry.inode;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw error;
  }
  const holders = machine.lockHolders(lock);
  holders.delete(process);
  if (holders.size > 0) return;
  unmountTarget(self, { op: "unmount", target: o.target, detach: true });
  unless(["ENOENT"], () => files.removeDirectory(process, o.target));
  files.unlink(process, o.lock);
}

export function attachDeviceFilter(self: Execution, o: Of<"attachDeviceFilter">): void {
  const { inode } = because("open", () => lookup(self.process, o.path)).dentry;
  if (inode.kind !== "directory") fail("ENOTDIR", "open");
  const program = loadDeviceFilter(o.instructions);
  const node = inode instanceof CgroupDirectory ? inode.node : undefined;
  if (node?.hierarchy.version !== 2) fail("EBADF", "bpf(BPF_PROG_ATTACH)");
  attachFilter(node, program);
}

export function failOnPurpose(self: Execution, o: Of<"fail">): void {
  if (o.fatal) {
    self.machine.processes.exit(self.process, { code: 0, signal: SIGNALS.KILL });
    throw new ProcessGone();
  }
  const name = errnoNamed(o.errno) ?? "EIO";
  fail(isErrnoName(name) ? name : "EIO", "on purpose");
}

/** Nobody listens on this kernel. */
export function connectListener(_self: Execution, o: Of<"connectListener">): void {
  fail("ENOENT", `connect ${o.path}`);
}

const childOf = (self: Execution) => self.child ?? fail("ESRCH");

export function joinCgroup(self: Execution, o: Of<"joinCgroup">): void {
  const pid = childOf(self).pidIn(self.process.namespaces.pid) ?? fail("ESRCH");
  writeOnce(self, `${o.path}/cgroup.procs`, String(pid));
}

/** What is carried out is the supervisor's: it kills nobody once it is gone. */
export function killAfter(self: Execution, o: Of<"killAfter">): void {
  const { machine, process } = self;
  const child = childOf(self);
  if (o.timeoutMs < 0) fail("EINVAL", "setitimer");
  self.killing?.();
  self.killing = undefined;
  if (o.timeoutMs === 0) return;
  const cancel = callAfter(machine.clock, o.timeoutMs, () => {
    if (!process.alive) return;
    process.late = true;
    machine.processes.signal(child, SIGNALS.KILL, process.namespaces.pid);
  });
  self.killing = cancel;
  void child.ended.promise.then(cancel);
}

export function writeProcessFile(self: Execution, o: Of<"writeProcessFile">): void {
  if (o.name.length > 32 || o.name.includes("/")) fail("EINVAL", "not a name");
  const pid = childOf(self).pidIn(self.process.namespaces.pid) ?? fail("ESRCH");
  writeOnce(self, `/proc/${pid}/${o.name}`, o.data);
}
