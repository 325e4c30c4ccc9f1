// How the machine stands when it has started: a disk with the usual directories, the kernel's file
// systems and the cgroup hierarchies mounted, and two processes, its init and the one whose
// system calls the engine makes.

import type { Controller } from "./cgroups.ts";
import { rootOf } from "./credentials.ts";
import { Disk, type DiskImage } from "./disk.ts";
import { programFile } from "./exec.ts";
import * as files from "./file-calls.ts";
import type { Machine } from "./machine.ts";
import { type Mount, MountTree } from "./mount.ts";
import { moveMount, newMount } from "./mount-calls.ts";
import {
  CgroupNamespace,
  INITIAL_INODES,
  IpcNamespace,
  MountNamespace,
  Namespace,
  type NamespaceSet,
  NetworkNamespace,
  PidNamespace,
  UtsNamespace,
} from "./namespaces.ts";
import { lookup } from "./path-lookup.ts";
import { noStreams, type Process } from "./process.ts";
import { Tmpfs } from "./tmpfs.ts";

/** Which versions of cgroups are mounted: v1 alone, v2 alone, or v1 with an empty v2 beside. */
export type CgroupLayout = "v1" | "v2" | "hybrid";

const V1_HIERARCHIES: readonly Controller[] = [
  "cpu",
  "cpuacct",
  "cpuset",
  "memory",
  "devices",
  "freezer",
  "blkio",
  "pids",
  "hugetlb",
];

const DIRECTORIES = [
  "/bin",
  "/dev",
  "/etc",
  "/home",
  "/proc",
  "/root",
  "/run",
  "/sys",
  "/tmp",
  "/usr",
  "/usr/bin",
  "/usr/share",
  "/usr/share/zoneinfo",
  "/usr/share/zoneinfo/Etc",
  "/var",
  "/var/lib",
];
const DEVICES: readonly (readonly [name: string, major: number, minor: number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
  ["console", 5, 1],
];
/** tzfile(5): a header that counts one type and the four characters of its name, and both; then the same for 64 bits, and the rule after that. */
const UTC = `TZif2${"\0".repeat(15 + 4 * 4)}\0\0\0\x01\0\0\0\x04${"\0".repeat(6)}UTC\0`;
const UTC_ZONE = `${UTC}${UTC}\nUTC0\n`;
const FILES: Readonly<Record<string, string>> = {
  "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
  "/etc/group": "root:x:0:\n",
  "/etc/os-release": 'ID=simulated\nPRETTY_NAME="Simulated Linux"\n',
  "/etc/localtime": UTC_ZONE,
  "/usr/share/zoneinfo/UTC": UTC_ZONE,
  "/usr/share/zoneinfo/Etc/UTC": UTC_ZONE,
};

function initialNamespaces(machine: Machine, base: Mount): NamespaceSet {
  const { user } = machine;
  const mnt = new MountNamespace(INITIAL_INODES.mnt, user, new MountTree(base));
  machine.mountNamespaces.add(mnt);
  return {
    mnt,
    pid: new PidNamespace(INITIAL_INODES.pid, user, undefined),
    uts: new UtsNamespace(INITIAL_INODES.uts, user, machine.hostname, "(none)"),
    ipc: new IpcNamespace(INITIAL_INODES.ipc, user),
    net: new NetworkNamespace(INITIAL_INODES.net, user),
    cgroup: new CgroupNamespace(INITIAL_INODES.cgroup, user, new Map()),
    user,
    time: new Namespace("time", INITIAL_INODES.time, user),
  };
}

function memory(machine: Machine, type: string, source: string): Tmpfs {
  const identity = { type, minor: machine.newMinor(), source, readOnly: false };
  return new Tmpfs(identity, machine.now, { mode: 0o755, uid: 0, gid: 0 });
}

function put(machine: Machine, init: Process, mount: Mount, path: string): void {
  moveMount(machine, init, mount, lookup(init, path));
}

function mountKernelFileSystems(machine: Machine, init: Process): void {
  const add = (type: string, path: string, options: readonly string[] = []): void =>
    put(
      machine,
      init,
      newMount(machine, init, { type, source: type, options, attributes: [] }),
      path,
    );
  add("proc", "/proc");
  add("sysfs", "/sys");
  const devtmpfs = memory(machine, "devtmpfs", "devtmpfs");
  put(machine, init, machine.newMount(devtmpfs, devtmpfs.dentry), "/dev");
  for (const [name, major, minor] of DEVICES) {
    files.makeNode(init, `/dev/${name}`, "character", 0o666, { major, minor });
  }
  files.makeDirectory(init, "/dev/pts", 0o755);
  files.makeDirectory(init, "/dev/shm", 0o1777);
  add("devpts", "/dev/pts", ["mode=600", "ptmxmode=000"]);
  add("tmpfs", "/dev/shm");
}

function mountCgroups(machine: Machine, init: Process, layout: CgroupLayout): void {
  const top = "/sys/fs/cgroup";
  const show = (type: string, path: string, options: readonly string[]): void =>
    put(
      machine,
      init,
      newMount(machine, init, { type, source: "cgroup", options, attributes: [] }),
      path,
    );
  if (layout === "v2") {
    show("cgroup2", top, []);
    return;
  }
  show("tmpfs", top, ["mode=755"]);
  for (const controller of V1_HIERARCHIES) {
    files.makeDirectory(init, `${top}/${controller}`, 0o755);
    show("cgroup", `${top}/${controller}`, [controller]);
  }
  if (layout === "v1") return;
  files.makeDirectory(init, `${top}/unified`, 0o755);
  show("cgroup2", `${top}/unified`, []);
}

/** A file that the program registry explains. */
export function installProgram(init: Process, name: string): void {
  const path = name.startsWith("/") ? name : `/bin/${name}`;
  const { inode } = files.open(init, path, { write: true, create: true, mode: 0o755 }).dentry;
  inode.write(0, new TextEncoder().encode(programFile(name)));
}

/** What a fresh disk holds. */
function fill(machine: Machine, init: Process): void {
  for (const path of DIRECTORIES) {
    files.makeDirectory(init, path, path === "/tmp" ? 0o1777 : 0o755);
  }
  for (const [path, text] of Object.entries(FILES)) {
    const { inode } = files.open(init, path, { write: true, create: true, mode: 0o644 }).dentry;
    inode.write(0, new TextEncoder().encode(text));
  }
  // What is known by a path is a file of some image.
  for (const name of machine.programs.keys()) if (!name.includes("/")) installProgram(init, name);
}

/** The machine's init, and a child of it that stands for the engine's process. */
export function boot(
  machine: Machine,
  options: { readonly cgroups: CgroupLayout; readonly disk?: DiskImage },
): { init: Process; caller: Process } {
  const rootfs = memory(machine, "rootfs", "rootfs");
  const base = machine.newMount(rootfs, rootfs.dentry);
  const namespaces = initialNamespaces(machine, base);
  const minor = machine.newMinor();
  const disk = options.disk
    ? Disk.from(options.disk, minor, machine.now)
    : new Disk(minor, machine.now);
  const root = machine.newMount(disk, disk.dentry);
  root.attachTo(base, base.root);
  namespaces.mnt.tree.adopt(root);
  const init = machine.processes.fork(undefined, namespaces, {
    root: root.path,
    cwd: root.path,
    credentials: rootOf(namespaces.user),
    streams: noStreams(),
    command: "init",
  });
  init.umask = 0;
  machine.as(init, () => {
    if (!options.disk) fill(machine, init);
    disk.sync();
    mountKernelFileSystems(machine, init);
    mountCgroups(machine, init, options.cgroups);
  });
  const { credentials, streams } = init;
  const from = { root: root.path, cwd: root.path, credentials, streams, command: "nacre" };
  const caller = machine.processes.fork(init, { ...namespaces }, from);
  caller.umask = 0o022;
  return { init, caller };
}
