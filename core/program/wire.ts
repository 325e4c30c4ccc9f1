// The bytes in which a program travels to nacre-init. Little-endian throughout.
//
//   message   "NACREPR1" · u32 bytes of all that follows
//             · supervision record · sections host, parent, child · clone record
//   section   u32 count · that many operations
//   operation u16 code · u8 arguments · u8 1 if the inverse follows, 2 if it is done outside · arguments
//             [· the inverse, an operation without an inverse]
//   argument  u32 size · bytes; strings and lists end in NUL, which size counts;
//             numbers are 8 bytes; a list is its strings, each with its NUL
//
// The C side reads arguments by position; ARGUMENTS below is the only place that fixes them, and
// operations.h is generated from it (scripts/generate-operations.ts).

import { OWNER } from "./argument-kinds.ts";
import type { Ownership } from "./explained.ts";
import { inverseOf } from "./inverse.ts";
import type { MountDescription } from "./mount-description.ts";
import type { Operation, OperationName } from "./operation.ts";
import type { Clone, KernelProgram, Supervision } from "./program.ts";
import { sysctlPath } from "./sysctls.ts";
import {
  ATTRIBUTE_BITS,
  FILTER_BITS,
  MOUNT_CALLS,
  NAMESPACE_BITS,
  NODE_TYPES,
  PROPAGATION_BITS,
  sumOf,
} from "./wire-bits.ts";
import { type Argument, bigWords, Writer } from "./wire-writer.ts";

const flag = (value: boolean): bigint => (value ? 1n : 0n);
const mountArguments = (m: MountDescription): Argument[] => [
  m.type,
  m.source,
  m.options,
  sumOf(ATTRIBUTE_BITS, m.attributes),
  MOUNT_CALLS[m.call ?? "context"],
];
/** mode, uid, gid, seconds, nanoseconds; -1 nanoseconds: now. */
const ownerArguments = (o: Ownership): Argument[] => [
  BigInt(o.mode),
  BigInt(o.uid),
  BigInt(o.gid),
  BigInt(o.mtime?.seconds ?? 0),
  BigInt(o.mtime?.nanoseconds ?? -1),
];
type Encoders = {
  readonly [N in OperationName]: {
    /** The arguments' names in C, in order. */
    readonly names: readonly string[];
    readonly encode: (operation: Extract<Operation, { op: N }>) => Argument[];
  };
};

const MOUNT = ["type", "source", "options", "attributes", "call"] as const;

/** Every operation's arguments by position. The codes are the positions in this table, from 1. */
export const ARGUMENTS: Encoders = {
  makeDirectory: {
    names: ["path", "mode", "keep_existing"],
    encode: (o) => [o.path, BigInt(o.mode), flag(o.existing === "keep")],
  },
  removeDirectory: {
    names: ["path", "retry_ms", "if_unused"],
    encode: (o) => [o.path, BigInt(o.retryMs), flag(o.ifUnused)],
  },
  writeFile: { names: ["path", "data"], encode: (o) => [o.path, o.data] },
  createFile: {
    names: ["path", "mode", "data"],
    encode: (o) => [o.path, BigInt(o.mode), o.data],
  },
  removeFile: { names: ["path"], encode: (o) => [o.path] },
  makeCgroup: { names: ["path", "shared"], encode: (o) => [o.path, flag(o.shared)] },
  mount: { names: [...MOUNT, "target"], encode: (o) => [...mountArguments(o.mount), o.target] },
  bind: {
    names: ["source", "target", "uids", "gids"],
    encode: (o) => [o.source, o.target, o.idmap?.uids ?? "", o.idmap?.gids ?? ""],
  },
  remount: { names: ["options", "target"], encode: (o) => [o.options, o.target] },
  unmount: { names: ["target", "detach"], encode: (o) => [o.target, flag(o.detach)] },
  shareMount: {
    names: [...MOUNT, "target", "lock"],
    encode: (o) => [...mountArguments(o.mount), o.target, o.lock],
  },
  releaseMount: { names: ["lock", "target"], encode: (o) => [o.lock, o.target] },
  attachDeviceFilter: {
    names: ["path", "instructions"],
    encode: (o) => [o.path, o.instructions],
  },
  fail: { names: ["error", "fatal"], encode: (o) => [BigInt(o.errno), flag(o.fatal ?? false)] },
  connectListener: { names: ["path", "state"], encode: (o) => [o.path, o.state] },
  actAsOwner: { names: ["uid", "gid"], encode: (o) => [BigInt(o.uid), BigInt(o.gid)] },
  runHook: {
    names: [
      "path",
      "arguments",
      "environment",
      "before",
      "after",
      "pid",
      "timeout_ms",
      "by_parent",
    ],
    encode: (o) => [
      o.path,
      o.arguments,
      o.environment,
      o.before,
      o.after,
      BigInt(o.pid ?? 0),
      BigInt(o.timeoutMs),
      flag(o.by === "parent"),
    ],
  },
  joinCgroup: { names: ["path"], encode: (o) => [o.path] },
  killAfter: { names: ["timeout_ms"], encode: (o) => [BigInt(o.timeoutMs)] },
  writeProcessFile: { names: ["name", "data"], encode: (o) => [o.name, o.data] },
  unshare: { names: ["flags"], encode: (o) => [sumOf(NAMESPACE_BITS, o.namespaces)] },
  setPropagation: {
    names: ["path", "flag", "recursive"],
    encode: (o) => [o.path, PROPAGATION_BITS[o.mode], flag(o.recursive)],
  },
  openRoot: { names: ["path"], encode: (o) => [o.path] },
  mountInRoot: {
    names: [...MOUNT, "target", "copy_up"],
    encode: (o) => [...mountArguments(o.mount), o.target, flag(o.copyUp ?? false)],
  },
  bindInRoot: {
    names: [
      "source",
      "target",
      "recursive",
      "attributes",
      "propagation",
      "subpath",
      "uids",
      "gids",
    ],
    encode: (o) => [
      o.source,
      o.target,
      flag(o.recursive),
      sumOf(ATTRIBUTE_BITS, o.attributes),
      PROPAGATION_BITS[o.propagation],
      o.subpath ?? "",
      o.idmap?.uids ?? "",
      o.idmap?.gids ?? "",
    ],
  },
  maskInRoot: { names: ["path"], encode: (o) => [o.path] },
  readOnlyInRoot: { names: ["path"], encode: (o) => [o.path] },
  enterRoot: { names: ["chroot"], encode: (o) => [flag(o.chroot ?? false)] },
  setMountAttributes: {
    names: ["path", "attributes", "cleared", "recursive"],
    encode: (o) => [
      o.path,
      sumOf(ATTRIBUTE_BITS, o.attributes),
      sumOf(ATTRIBUTE_BITS, o.cleared ?? []),
      flag(o.recursive ?? false),
    ],
  },
  setHostname: { names: ["name"], encode: (o) => [o.name] },
  setDomainname: { names: ["name"], encode: (o) => [o.name] },
  linkUp: { names: ["name"], encode: (o) => [o.name] },
  setSysctl: {
    names: ["name", "data"],
    encode: (o) => [sysctlPath(o.name), o.value],
  },
  setLimit: {
    names: ["resource", "soft", "hard"],
    encode: (o) => [BigInt(o.resource), o.soft, o.hard],
  },
  setUmask: { names: ["mask"], encode: (o) => [BigInt(o.mask)] },
  newSession: { names: [], encode: () => [] },
  openTerminal: {
    names: ["rows", "columns", "joins"],
    encode: (o) => [BigInt(o.rows), BigInt(o.columns), flag(o.joins ?? false)],
  },
  boundCapabilities: { names: ["bounding"], encode: (o) => [o.bounding] },
  setUser: {
    names: ["uid", "gid", "groups", "keeps_groups"],
    encode: (o) => [
      ...([BigInt(o.uid), BigInt(o.gid), bigWords(o.groups)] as const),
      flag(o.keepsGroups ?? false),
    ],
  },
  setCapabilities: {
    names: ["effective", "permitted", "inheritable", "ambient"],
    encode: (o) => [o.effective, o.permitted, o.inheritable, o.ambient],
  },
  noNewPrivileges: { names: [], encode: () => [] },
  filterSystemCalls: {
    names: ["filter", "flags"],
    encode: (o) => [o.filter, sumOf(FILTER_BITS, o.flags)],
  },
  changeDirectory: {
    names: ["path", "must_exist"],
    encode: (o) => [o.path, flag(o.mustExist ?? false)],
  },
  writeOwnFile: { names: ["name", "data"], encode: (o) => [o.name, o.data] },
  joinSessionKeyring: {
    names: ["name", "permissions"],
    encode: (o) => [o.name, BigInt(o.permissions)],
  },
  setPersonality: { names: ["persona"], encode: (o) => [BigInt(o.persona)] },
  setMemoryPolicy: {
    names: ["mode", "nodes"],
    encode: (o) => [BigInt(o.mode), bigWords(o.nodes)],
  },
  setIoPriority: {
    names: ["class", "priority"],
    encode: (o) => [BigInt(o.class), BigInt(o.priority)],
  },
  setScheduler: {
    names: ["policy", "flags", "nice", "priority", "runtime", "deadline", "period"],
    encode: (o) => [
      BigInt(o.policy),
      o.flags,
      BigInt(o.nice),
      BigInt(o.priority),
      o.runtimeNs,
      o.deadlineNs,
      o.periodNs,
    ],
  },
  findProgram: {
    names: ["arguments", "environment"],
    encode: (o) => [o.arguments, o.environment],
  },
  awaitStart: { names: [], encode: () => [] },
  stayAsInit: { names: [], encode: () => [] },
  enterTimeNamespace: { names: [], encode: () => [] },
  execute: {
    names: ["arguments", "environment"],
    encode: (o) => [o.arguments, o.environment],
  },
  placeDirectory: { names: ["path", ...OWNER], encode: (o) => [o.path, ...ownerArguments(o)] },
  placeFile: {
    names: ["path", ...OWNER, "file", "segments"],
    encode: (o) => [o.path, ...ownerArguments(o), o.source, bigWords(o.segments.flat())],
  },
  placeText: {
    names: ["path", ...OWNER, "data"],
    encode: (o) => [o.path, ...ownerArguments(o), o.data],
  },
  placeSymlink: {
    names: ["path", ...OWNER, "text"],
    encode: (o) => [o.path, ...ownerArguments(o), o.text],
  },
  placeHardLink: { names: ["path", "existing"], encode: (o) => [o.path, o.existing] },
  placeNode: {
    names: ["path", ...OWNER, "kind", "major", "minor"],
    encode: (o) => [
      o.path,
      ...ownerArguments(o),
      NODE_TYPES[o.type],
      BigInt(o.major),
      BigInt(o.minor),
    ],
  },
  placeAttribute: {
    names: ["path", "name", "value"],
    encode: (o) => [o.path, o.name, o.value],
  },
  placeTimes: {
    names: ["path", "seconds", "nanoseconds"],
    encode: (o) => [o.path, BigInt(o.mtime.seconds), BigInt(o.mtime.nanoseconds)],
  },
};

const CODES = new Map(Object.keys(ARGUMENTS).map((name, i) => [name, i + 1]));
/** The operation of a code. */
export const operationOf = (code: number): OperationName | undefined =>
  Object.keys(ARGUMENTS)[code - 1] as OperationName | undefined;

function writeOperation(out: Writer, operation: Operation, inverse: Operation | undefined): void {
  const { encode } = ARGUMENTS[operation.op] as { encode: (o: Operation) => Argument[] };
  const values = encode(operation);
  out.u16(CODES.get(operation.op) as number);
  out.u8(values.length);
  out.u8(inverse ? 1 : operation.outside ? 2 : 0);
  for (const value of values) out.argument(value);
  if (inverse) writeOperation(out, inverse, undefined);
}

function writeSection(out: Writer, operations: readonly Operation[], undone: boolean): void {
  out.u32(operations.length);
  for (const operation of operations) {
    writeOperation(out, operation, undone ? inverseOf(operation) : undefined);
  }
}

/** stdin, output, terminal, log path, exit path, collect, on exit, detached, bytes and files of the log, where others attach, where a start is awaited, who gets the terminal, leaves, descriptors, fields of the journal, keys by which one leaves: seventeen arguments. */
function writeSupervision(out: Writer, s: Supervision | undefined): void {
  const index = <T>(values: readonly T[], value: T): bigint => BigInt(values.indexOf(value));
  out.u8(s ? 1 : 0);
  if (!s) return;
  out.argument(index(["inherit", "null", "hold"], s.stdin));
  out.argument(index(["inherit", "log", "both"], s.output));
  out.argument(index(["none", "attached", "detached", "socket"], s.terminal));
  out.argument(s.journal?.socket ?? s.logPath ?? "");
  out.argument(s.exitPath ?? "");
  out.argument(s.collect);
  out.argument(s.onExit ?? []);
  out.argument(flag(s.detached));
  out.argument(BigInt(s.logLimits?.bytes ?? 0));
  out.argument(BigInt(s.logLimits?.files ?? 1));
  out.argument(s.attachPath ?? "");
  out.argument(s.startPath ?? "");
  out.argument(s.consolePath ?? "");
  out.argument(flag(s.leaves ?? false));
  out.argument(BigInt(s.descriptors ?? 0));
  out.argument(s.journal?.fields ?? "");
  out.argument(Uint8Array.from(s.leaveKeys ?? []));
}

/** Flags to create; pid, start time and flags to join; cgroups; then pairs of flag and path. */
function writeClone(out: Writer, clone: Clone): void {
  out.argument(sumOf(NAMESPACE_BITS, clone.create));
  out.argument(BigInt(clone.join?.pid ?? 0));
  out.argument(clone.join?.startTime ?? 0n);
  out.argument(sumOf(NAMESPACE_BITS, clone.join?.namespaces ?? []));
  out.argument(clone.cgroups);
  out.u32(clone.joinPaths.length);
  for (const { kind, path } of clone.joinPaths) {
    out.argument(NAMESPACE_BITS[kind]);
    out.argument(path);
  }
}

/** The program as nacre-init reads it from its descriptor. Throws TypeError on a NUL in a string. */
export function encodeProgram(program: KernelProgram): Uint8Array {
  const out = new Writer();
  out.text("NACREPR1");
  out.u32(0);
  writeSupervision(out, program.process?.supervision);
  writeSection(out, program.host, true);
  if (program.process) {
    writeSection(out, program.process.parent, false);
    writeSection(out, program.process.child, false);
    writeClone(out, program.process.clone);
  }
  out.u32(out.size - 12, 8);
  return out.take();
}
