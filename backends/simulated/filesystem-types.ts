// What `mount -t` knows: how each type makes a superblock of a source and options.

import { hierarchyToMount } from "./cgroup-mount.ts";
import type { Hierarchy } from "./cgroup-node.ts";
import type { Dentry } from "./dentry.ts";
import { makeErofs } from "./erofs.ts";
import { fail } from "./errno.ts";
import { FilePages } from "./file-pages.ts";
import type { Superblock } from "./inode.ts";
import type { Machine } from "./machine.ts";
import { makeOverlay } from "./overlay-mount.ts";
import type { Process } from "./process.ts";
import { ProcFileSystem } from "./procfs.ts";
import { SysFileSystem } from "./sysfs.ts";
import { Tmpfs, tmpfsOptions } from "./tmpfs.ts";
import type { IdMap } from "./user-namespace.ts";

export interface MountRequest {
  readonly machine: Machine;
  /** Who mounts: its namespaces decide what proc, sysfs and cgroup show. */
  readonly process: Process;
  readonly source: string;
  /** Without `ro` and `rw`. */
  readonly options: readonly string[];
  readonly readOnly: boolean;
}

/** Makes, or finds, a superblock, and says which of its directories a mount shows. */
export type FileSystemType = (request: MountRequest) => {
  readonly superblock: Superblock;
  readonly root: Dentry;
};

const whole = (superblock: Superblock) => ({ superblock, root: superblock.dentry });

/** What is mounted belongs to who mounts it. */
const ownerOf = ({ process }: MountRequest) => {
  const { fsUid: uid, fsGid: gid } = process.credentials;
  return { uid, gid };
};

/** What an option names, by the numbers of who mounts. */
const mappedId = (map: IdMap, id: number, key: string): number =>
  map.outside(id) ?? fail("EINVAL", `fsconfig ${key}`);

function memory(type: string, request: MountRequest, mode: number): Tmpfs {
  const { machine, source, readOnly } = request;
  const identity = { type, minor: machine.newMinor(), source, readOnly };
  return new Tmpfs(identity, machine.now, { mode, ...ownerOf(request) });
}

const tmpfs: FileSystemType = (request) => {
  const { machine, source, readOnly, options } = request;
  const { root: wanted, limits } = tmpfsOptions(options, machine.memoryBytes);
  const own = ownerOf(request);
  const { uids, gids } = request.process.credentials.user;
  const root = {
    mode: wanted.mode,
    uid: wanted.uid === undefined ? own.uid : mappedId(uids, wanted.uid, "uid"),
    gid: wanted.gid === undefined ? own.gid : mappedId(gids, wanted.gid, "gid"),
  };
  const shown = options.filter((option) => /^(size|nr_inodes|mode|uid|gid)=/.test(option));
  const identity = { type: "tmpfs", minor: machine.newMinor(), source, readOnly };
  const made = new Tmpfs(identity, machine.now, root, limits, shown);
  made.memoryBytes = machine.memoryBytes;
  made.pages = new FilePages(machine.resources.memory, () => machine.caller);
  return whole(made);
};

function requireOptions(options: readonly string[], known: RegExp): void {
  for (const option of options) {
    if (!known.test(option)) fail("EINVAL", `fsconfig ${option.split("=", 1)[0]}`);
  }
}

const proc: FileSystemType = ({ machine, process, options, readOnly }) => {
  requireOptions(options, /^(hidepid=\w+|gid=\d+|subset=pid)$/);
  return whole(new ProcFileSystem(machine.newMinor(), machine, process.namespaces.pid, readOnly));
};

const devpts: FileSystemType = (request) => {
  requireOptions(request.options, /^(newinstance|(ptmxmode|mode)=[0-7]+|(uid|gid|max)=\d+)$/);
  const { uids, gids } = request.process.credentials.user;
  const owner = { uid: mappedId(uids, 0, "uid"), gid: mappedId(gids, 0, "gid") };
  for (const option of request.options) {
    const [, key = "", id] = /^(uid|gid)=(\d+)$/.exec(option) ?? [];
    if (id !== undefined) mappedId(key === "uid" ? uids : gids, Number(id), key);
  }
  const superblock = memory("devpts", request, 0o755);
  const given = request.options.find((option) => option.startsWith("ptmxmode="));
  const mode = Number.parseInt(given?.slice("ptmxmode=".length) ?? "0", 8);
  const device = { major: 5, minor: 2 };
  superblock.root.create("ptmx", "character", { mode, ...owner, device });
  return whole(superblock);
};

const mqueue: FileSystemType = (request) => {
  requireOptions(request.options, /^$/);
  return whole(memory("mqueue", request, 0o1777));
};

const sysfs: FileSystemType = ({ machine, process, source, readOnly, options }) => {
  requireOptions(options, /^$/);
  const view = { machine, network: process.namespaces.net };
  return whole(new SysFileSystem(machine.newMinor(), source, readOnly, view));
};

/** What the mounter's cgroup namespace makes the root of a hierarchy. */
function showHierarchy({ machine, process, source }: MountRequest, hierarchy: Hierarchy) {
  const superblock = machine.cgroupFileSystem(hierarchy, source);
  const top = process.namespaces.cgroup.roots.get(hierarchy) ?? hierarchy.root;
  let root = superblock.dentry;
  for (const node of [...top.lineage()].reverse().slice(1)) {
    root = root.child(node.name) ?? fail("ENOENT");
  }
  return { superblock, root };
}

const cgroup: FileSystemType = (request) => {
  const { machine, process, options } = request;
  const initial = process.namespaces.cgroup.roots.size === 0;
  return showHierarchy(request, hierarchyToMount(machine.cgroups, options, initial));
};

const cgroup2: FileSystemType = (request) => {
  requireOptions(request.options, /^(nsdelegate|favordynmods|memory_\w+|pids_\w+)$/);
  const { cgroups } = request.machine;
  return showHierarchy(request, cgroups.unified ?? cgroups.makeHierarchy(2));
};

export function registerTypes(machine: Machine): void {
  machine.register("tmpfs", tmpfs);
  machine.register("proc", proc);
  machine.register("sysfs", sysfs);
  machine.register("devpts", devpts);
  machine.register("mqueue", mqueue);
  machine.register("cgroup", cgroup);
  machine.register("cgroup2", cgroup2);
  machine.register("overlay", (request) => whole(makeOverlay(request)));
  machine.register("erofs", (request) => whole(makeErofs(request)));
}
