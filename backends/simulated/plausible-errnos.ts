// What each call can fail with on a healthy kernel: a disk that is full or broken, memory or
// descriptors that have run out, a limit, a neighbour that is using the thing. What only a wrong
// program gets (EINVAL, EFAULT) is not here.

import type { OperationName } from "@nacre/core/program/operation.ts";
import type { ErrnoName } from "./errno.ts";

const READS: readonly ErrnoName[] = ["EIO"];
const WRITES: readonly ErrnoName[] = ["ENOSPC", "EIO"];
const MOUNTS: readonly ErrnoName[] = ["ENOMEM", "ENOSPC"];
const MEMORY: readonly ErrnoName[] = ["ENOMEM"];
const DENIED: readonly ErrnoName[] = ["EPERM"];

/** The engine's own calls. */
const CALLS: Readonly<Record<string, readonly ErrnoName[]>> = {
  open: ["EMFILE", "EIO"],
  read: READS,
  list: READS,
  status: READS,
  create: ["ENOSPC", "EMFILE"],
  makeDirectory: WRITES,
  write: ["ENOSPC", "EIO", "EDQUOT"],
  rename: WRITES,
  remove: ["EIO", "EBUSY"],
  sync: ["EIO", "ENOSPC"],
  watch: ["EMFILE"],
  control: ["EBUSY", "EIO"],
  execute: ["EAGAIN", "ENOMEM"],
  perform: ["EAGAIN", "ENOMEM"],
  begin: READS,
  commit: WRITES,
  writeRecord: WRITES,
  writeLog: WRITES,
};

const OPERATIONS: Readonly<Record<OperationName | "clone", readonly ErrnoName[]>> = {
  clone: ["EAGAIN", "ENOMEM"],
  makeDirectory: WRITES,
  removeDirectory: ["EBUSY"],
  writeFile: ["EBUSY", "ENOMEM"],
  createFile: WRITES,
  removeFile: ["EIO"],
  makeCgroup: ["ENOMEM", "EAGAIN"],
  mount: MOUNTS,
  unmount: ["EBUSY"],
  shareMount: [...MOUNTS, "EMFILE"],
  releaseMount: ["EIO"],
  attachDeviceFilter: ["ENOMEM", "EPERM"],
  actAsOwner: DENIED,
  fail: [],
  runHook: ["ECANCELED", "ETIMEDOUT"],
  joinCgroup: ["EBUSY", "ENOSPC"],
  killAfter: [],
  writeProcessFile: ["ESRCH", "EPERM"],
  connectListener: ["EACCES", "EMFILE"],
  unshare: ["ENOSPC", "EPERM"],
  setPropagation: MEMORY,
  openRoot: ["EMFILE", "EIO"],
  mountInRoot: MOUNTS,
  bind: MOUNTS,
  remount: ["EBUSY", "ENOMEM"],
  bindInRoot: MOUNTS,
  maskInRoot: MOUNTS,
  readOnlyInRoot: MOUNTS,
  enterRoot: ["EBUSY"],
  setMountAttributes: DENIED,
  setHostname: DENIED,
  setDomainname: DENIED,
  linkUp: MEMORY,
  setSysctl: ["EACCES"],
  setLimit: DENIED,
  setUmask: [],
  newSession: DENIED,
  openTerminal: ["ENOSPC", "EIO"],
  boundCapabilities: DENIED,
  setUser: ["EAGAIN", "EPERM"],
  setCapabilities: DENIED,
  noNewPrivileges: DENIED,
  filterSystemCalls: MEMORY,
  changeDirectory: ["EACCES", "ENOSPC"],
  writeOwnFile: ["EACCES", "EPERM"],
  joinSessionKeyring: ["EDQUOT", "ENOMEM"],
  setPersonality: [],
  setMemoryPolicy: ["EINVAL", "ENOMEM"],
  setIoPriority: DENIED,
  setScheduler: DENIED,
  findProgram: ["ENOENT", "EACCES"],
  awaitStart: [],
  stayAsInit: ["EAGAIN", "ENOMEM"],
  enterTimeNamespace: ["EPERM"],
  execute: ["ENOENT", "EACCES", "ENOMEM"],
  placeDirectory: WRITES,
  placeFile: WRITES,
  placeText: WRITES,
  placeSymlink: WRITES,
  placeHardLink: ["ENOSPC", "EMLINK"],
  placeNode: WRITES,
  placeAttribute: WRITES,
  placeTimes: READS,
};

/** Errors that a call of the engine, an operation, or an operation that is undone can meet. */
export function plausibleErrnos(point: {
  readonly actor: string;
  readonly call: string;
}): readonly ErrnoName[] {
  const { actor, call } = point;
  const name = call.startsWith("undo ") ? call.slice("undo ".length) : call;
  const isOperation = actor === "supervisor" || actor === "child";
  const table: Readonly<Record<string, readonly ErrnoName[]>> = isOperation ? OPERATIONS : CALLS;
  return table[name] ?? CALLS[name] ?? [];
}
