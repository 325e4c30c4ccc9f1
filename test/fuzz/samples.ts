// One of each operation, with all that it may have: what fuzzing begins with. An operation that is
// new has none here, which is an error of types.

import type { MountDescription, OwnerMap } from "@nacre/core/program/mount-description.ts";
import type { Operation, OperationName } from "@nacre/core/program/operation.ts";

type Samples = { readonly [N in OperationName]: Omit<Extract<Operation, { op: N }>, "op"> };

const mount: MountDescription = {
  ...{ type: "overlay", source: "x", options: ["lowerdir+=/a", "volatile"] },
  ...{ attributes: ["ro", "nosuid"], call: "page" },
};
const idmap: OwnerMap = { uids: "0 100000 65536\n7 7 1\n", gids: "0 200000 65536\n" };
const owner = { mode: 0o4755, uid: 1, gid: 2, mtime: { seconds: -1, nanoseconds: 5 } };
const [path, target, lock] = ["/a/b", "/t", "/l"];
const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const words = { arguments: ["a", "", "b"], environment: ["A=1"] };

const SAMPLES: Samples = {
  makeDirectory: { path, mode: 0o700, existing: "keep" },
  removeDirectory: { path, retryMs: 5, ifUnused: true },
  writeFile: { path, data: "data" },
  createFile: { path, mode: 0o600, data: "" },
  removeFile: { path },
  makeCgroup: { path, shared: true },
  mount: { mount, target },
  bind: { source: path, target, idmap },
  remount: { target, options: ["ro"], before: ["rw", "size=1"] },
  unmount: { target, detach: true },
  shareMount: { lock, mount, target },
  releaseMount: { lock, target },
  attachDeviceFilter: { path, instructions: bytes, before: bytes },
  fail: { errno: 5, fatal: true },
  connectListener: { path, state: ["{", "}"] },
  actAsOwner: { uid: 100_000, gid: 200_000 },
  runHook: { path, ...words, before: "{", after: "}", pid: 7, timeoutMs: 9, by: "parent" },
  joinCgroup: { path },
  killAfter: { timeoutMs: 60_000 },
  writeProcessFile: { name: "uid_map", data: idmap.uids },
  unshare: { namespaces: ["cgroup", "user", "time"] },
  setPropagation: { path, mode: "slave", recursive: true },
  openRoot: { path },
  mountInRoot: { mount, target, copyUp: true },
  bindInRoot: {
    ...{ source: path, subpath: "c/d", idmap, target, recursive: true },
    ...{ attributes: ["noexec"], propagation: "shared" },
  },
  maskInRoot: { path },
  readOnlyInRoot: { path },
  enterRoot: { chroot: true },
  setMountAttributes: { path, attributes: ["ro"], cleared: ["nodev"], recursive: true },
  setHostname: { name: "h" },
  setDomainname: { name: "d" },
  linkUp: { name: "lo" },
  setSysctl: { name: "net.ipv4.ip_forward", value: "1" },
  setLimit: { resource: 7, soft: 1n, hard: -1n },
  setUmask: { mask: 0o22 },
  newSession: {},
  openTerminal: { rows: 24, columns: 80, joins: true },
  boundCapabilities: { bounding: 7n },
  setUser: { uid: 1, gid: 2, groups: [3, 4], keepsGroups: true },
  setCapabilities: { effective: 1n, permitted: 1n, inheritable: 0n, ambient: 0n },
  noNewPrivileges: {},
  filterSystemCalls: { filter: bytes, flags: ["log", "listener"] },
  changeDirectory: { path, mustExist: true },
  writeOwnFile: { name: "attr/exec", data: "label" },
  joinSessionKeyring: { name: "_ses.a", permissions: 0x3f1b0000 },
  setPersonality: { persona: 8 },
  setMemoryPolicy: { mode: 2, nodes: [1n, 2n] },
  setIoPriority: { class: 2, priority: 4 },
  setScheduler: {
    ...{ policy: 6, flags: 1n, nice: 0, priority: 0 },
    ...{ runtimeNs: 1n, deadlineNs: 2n, periodNs: 3n },
  },
  findProgram: words,
  awaitStart: {},
  stayAsInit: {},
  enterTimeNamespace: {},
  execute: words,
  placeDirectory: { path, ...owner },
  placeFile: {
    path,
    ...owner,
    source: "/blob",
    segments: [
      [0, 5],
      [512, 9],
    ],
  },
  placeText: { path, ...owner, data: "text" },
  placeSymlink: { path, ...owner, text: "../a" },
  placeHardLink: { path, existing: "/a" },
  placeNode: { path, ...owner, type: "character", major: 1, minor: 3 },
  placeAttribute: { path, name: "user.x", value: bytes },
  placeTimes: { path, mtime: owner.mtime },
};

export const samples: readonly Operation[] = Object.entries(SAMPLES).map(
  ([op, fields]) => ({ op, ...fields }) as Operation,
);
