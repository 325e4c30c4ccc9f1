// sysfs as far as what runs in containers looks into it: the network interfaces of who mounted it,
// CPUs and memory nodes, disks, and the directories that are mount points or hidden.
// Source: Linux, Documentation/ABI/testing/sysfs-class-net, sysfs-devices-system-cpu.

import { formatCpusetList } from "@nacre/core/cpuset-list.ts";
import { fail } from "./errno.ts";
import {
  FixedDirectory,
  GeneratedFile,
  GeneratedInode,
  GeneratedLink,
  LateDirectory,
} from "./generated.ts";
import { type Inode, Superblock } from "./inode.ts";
import type { Machine } from "./machine.ts";
import type { NetworkNamespace } from "./namespaces.ts";

export class SysFileSystem extends Superblock {
  readonly root: Inode;

  constructor(minor: number, source: string, readOnly: boolean, from: SysfsView) {
    super("sysfs", minor, source, readOnly);
    this.root = new LateDirectory(this, () => makeTree(this, from));
  }
}

/** Whose devices it shows. */
interface SysfsView {
  readonly machine: Machine;
  readonly network: NetworkNamespace;
}

/** A tree that is filled by paths. */
class Tree {
  readonly root: FixedDirectory;

  constructor(superblock: Superblock) {
    this.root = new FixedDirectory(superblock);
  }
  put(path: string, inode: Inode): void {
    const slash = path.lastIndexOf("/");
    const directory = this.root.directory(path.slice(0, Math.max(0, slash)));
    directory.entries.set(path.slice(slash + 1), inode);
  }
  file(path: string, text: string): void {
    this.put(path, new GeneratedFile(this.root.superblock, 0o444, { read: () => `${text}\n` }));
  }
  link(path: string, text: string): void {
    this.put(path, new GeneratedLink(this.root.superblock, () => text));
  }
}

/** What every container looks through is there at once; the rest when somebody looks into it. */
function makeTree(superblock: Superblock, { machine, network }: SysfsView): FixedDirectory {
  const tree = new Tree(superblock);
  const late = (path: string, fill: (tree: Tree) => void): void =>
    tree.put(
      path,
      new LateDirectory(superblock, () => {
        const below = new Tree(superblock);
        fill(below);
        return below.root;
      }),
    );
  for (const path of ["bus", "devices/virtual/powercap", "firmware", "fs/cgroup", "module"]) {
    tree.root.directory(path);
  }
  tree.root.directory("power");
  const { disks } = machine.resources;
  late("block", (below) => {
    for (const { name } of disks) below.link(name, `../devices/virtual/block/${name}`);
  });
  late("class", (below) => {
    for (const { name } of disks)
      below.link(`block/${name}`, `../../devices/virtual/block/${name}`);
    below.put("net", new Interfaces(superblock, network, (name) => link(superblock, name)));
  });
  late("dev", (below) => {
    below.root.directory("char");
    for (const { name, number } of disks) {
      below.link(`block/${number}`, `../../devices/virtual/block/${name}`);
    }
  });
  late("devices/virtual/block", (below) => {
    for (const { name, number } of disks) below.file(`${name}/dev`, number);
  });
  const directory = (name: string) => interfaceDirectory(superblock, network, name);
  tree.put("devices/virtual/net", new Interfaces(superblock, network, directory));
  late("devices/system", (below) => fillSystem(below, machine));
  late("kernel", (below) =>
    below.file("mm/transparent_hugepage/enabled", "always [madvise] never"),
  );
  return tree.root;
}

function fillSystem(tree: Tree, { cpus }: Machine): void {
  const all = formatCpusetList(Array.from({ length: cpus }, (_, cpu) => cpu));
  for (const name of ["online", "possible", "present"]) tree.file(`cpu/${name}`, all);
  for (let cpu = 0; cpu < cpus; cpu++) tree.root.directory(`cpu/cpu${cpu}`);
  tree.file("node/online", "0");
  tree.file("node/node0/cpulist", all);
}

/** One entry for each interface that there is now. */
class Interfaces extends GeneratedInode {
  readonly #network: NetworkNamespace;
  readonly #make: (name: string) => Inode;
  readonly #made = new Map<string, Inode>();

  constructor(superblock: Superblock, network: NetworkNamespace, make: (name: string) => Inode) {
    super(superblock, "directory", 0o555);
    this.#network = network;
    this.#make = make;
  }
  override lookup(name: string): Inode | undefined {
    if (!this.#network.links.has(name)) return undefined;
    const inode = this.#made.get(name) ?? this.#make(name);
    this.#made.set(name, inode);
    return inode;
  }
  override names(): readonly string[] {
    return [...this.#network.links.keys()];
  }
}

const link = (superblock: Superblock, name: string): Inode =>
  new GeneratedLink(superblock, () => `../../devices/virtual/net/${name}`);

/** ARPHRD_LOOPBACK, IFF_UP and IFF_LOOPBACK (linux/if_arp.h, linux/if.h). */
const LOOPBACK = 772;
const UP = 1;
const LOOPS = 8;

const COUNTERS = ["bytes", "packets", "errors", "dropped"].flatMap((what) => [
  `rx_${what}`,
  `tx_${what}`,
]);

/** The loopback interface, which is the only one here. */
function interfaceDirectory(
  superblock: Superblock,
  network: NetworkNamespace,
  name: string,
): FixedDirectory {
  const up = (): boolean => network.links.get(name)?.up ?? fail("ENODEV");
  const index = [...network.links.keys()].indexOf(name) + 1;
  const fields: Readonly<Record<string, () => string | number>> = {
    address: () => "00:00:00:00:00:00",
    broadcast: () => "00:00:00:00:00:00",
    addr_len: () => 6,
    carrier: () => (up() ? 1 : fail("EINVAL")),
    flags: () => `0x${(LOOPS | (up() ? UP : 0)).toString(16)}`,
    ifindex: () => index,
    iflink: () => index,
    mtu: () => 65536,
    operstate: () => (up() ? "unknown" : "down"),
    tx_queue_len: () => 1000,
    type: () => LOOPBACK,
    uevent: () => `INTERFACE=${name}\nIFINDEX=${index}`,
  };
  const file = (read: () => string | number): Inode =>
    new GeneratedFile(superblock, 0o444, { read: () => `${read()}\n` });
  const directory = new FixedDirectory(superblock);
  for (const [field, read] of Object.entries(fields)) directory.entries.set(field, file(read));
  for (const counter of COUNTERS) {
    directory.directory("statistics").entries.set(
      counter,
      file(() => 0),
    );
  }
  return directory;
}
