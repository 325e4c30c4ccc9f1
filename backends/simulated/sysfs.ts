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

const DIRECTORIES = [
  ...["block", "bus", "class/block", "dev/block", "dev/char", "firmware", "fs/cgroup"],
  ...["devices/virtual/powercap", "module", "power"],
];

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

function makeTree(superblock: Superblock, { machine, network }: SysfsView): FixedDirectory {
  const root = new FixedDirectory(superblock);
  const put = (path: string, inode: Inode): void => {
    const slash = path.lastIndexOf("/");
    root.directory(path.slice(0, slash)).entries.set(path.slice(slash + 1), inode);
  };
  const file = (path: string, text: string): void =>
    put(path, new GeneratedFile(superblock, 0o444, { read: () => `${text}\n` }));
  for (const path of DIRECTORIES) root.directory(path);
  put("class/net", new Interfaces(superblock, network, (name) => link(superblock, name)));
  put(
    "devices/virtual/net",
    new Interfaces(superblock, network, (name) => interfaceDirectory(superblock, network, name)),
  );
  const cpus = formatCpusetList(Array.from({ length: machine.cpus }, (_, cpu) => cpu));
  for (const name of ["online", "possible", "present"]) file(`devices/system/cpu/${name}`, cpus);
  for (let cpu = 0; cpu < machine.cpus; cpu++) root.directory(`devices/system/cpu/cpu${cpu}`);
  file("devices/system/node/online", "0");
  file("devices/system/node/node0/cpulist", cpus);
  file("kernel/mm/transparent_hugepage/enabled", "always [madvise] never");
  for (const { name, number } of machine.resources.disks) {
    file(`devices/virtual/block/${name}/dev`, number);
    put(`block/${name}`, new GeneratedLink(superblock, () => `../devices/virtual/block/${name}`));
    const place = (): string => `../../devices/virtual/block/${name}`;
    put(`class/block/${name}`, new GeneratedLink(superblock, place));
    put(`dev/block/${number}`, new GeneratedLink(superblock, place));
  }
  return root;
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
