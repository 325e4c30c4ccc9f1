// The eight kinds of namespaces (namespaces(7)). Each has an inode number of nsfs, which is what
// tells two of them apart in /proc/PID/ns. A namespace lives while somebody holds it.

import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { CgroupNode, Hierarchy } from "./cgroup-node.ts";
import type { MountTree } from "./mount.ts";
import type { Process } from "./process.ts";
import type { UserNamespace } from "./user-namespace.ts";

/** The initial namespaces have numbers of their own (include/uapi/linux/nsfs.h). */
export const INITIAL_INODES: Readonly<Record<NamespaceKind, bigint>> = {
  ipc: 0xeffffffen + 1n,
  uts: 0xeffffffen,
  user: 0xeffffffdn,
  pid: 0xeffffffcn,
  cgroup: 0xeffffffbn,
  time: 0xeffffffan,
  net: 0xeffffff9n,
  mnt: 0xeffffff8n,
};
/** Numbers of later ones follow. */
export const FIRST_INODE = 0xf0000000n;

export class Namespace {
  readonly kind: NamespaceKind;
  readonly inode: bigint;
  /** Whose capabilities count for what it holds; the machine's first user namespace owns itself. */
  readonly owner: UserNamespace;

  constructor(kind: NamespaceKind, inode: bigint, owner: UserNamespace) {
    this.kind = kind;
    this.inode = inode;
    this.owner = owner;
  }
}

export class MountNamespace extends Namespace {
  readonly tree: MountTree;

  constructor(inode: bigint, owner: UserNamespace, tree: MountTree) {
    super("mnt", inode, owner);
    this.tree = tree;
  }
}

export class PidNamespace extends Namespace {
  readonly parent: PidNamespace | undefined;
  readonly level: number;
  readonly members = new Map<number, Process>();
  /** Its first process. Once that has ended nothing can be made here any more. */
  init: Process | undefined;
  dead = false;
  #lastPid = 0;

  constructor(inode: bigint, owner: UserNamespace, parent: PidNamespace | undefined) {
    super("pid", inode, owner);
    this.parent = parent;
    this.level = parent ? parent.level + 1 : 0;
  }

  nextPid(): number {
    this.#lastPid++;
    return this.#lastPid;
  }

  /** This one and those that it lies in, the innermost first. */
  *lineage(): Generator<PidNamespace> {
    for (let at: PidNamespace | undefined = this; at; at = at.parent) yield at;
  }

  contains(other: PidNamespace): boolean {
    return [...other.lineage()].includes(this);
  }
}

export class UtsNamespace extends Namespace {
  hostname: string;
  domainname: string;

  constructor(inode: bigint, owner: UserNamespace, hostname: string, domainname: string) {
    super("uts", inode, owner);
    this.hostname = hostname;
    this.domainname = domainname;
  }
}

export class NetworkNamespace extends Namespace {
  /** Interfaces by name, and whether they are up. */
  readonly links = new Map<string, { up: boolean }>([["lo", { up: false }]]);
  readonly sysctl = new Map<string, string>();

  constructor(inode: bigint, owner: UserNamespace) {
    super("net", inode, owner);
  }
}

export class IpcNamespace extends Namespace {
  readonly sysctl = new Map<string, string>();

  constructor(inode: bigint, owner: UserNamespace) {
    super("ipc", inode, owner);
  }
}

export class CgroupNamespace extends Namespace {
  /** What its members see as the root of each hierarchy. */
  readonly roots: ReadonlyMap<Hierarchy, CgroupNode>;

  constructor(inode: bigint, owner: UserNamespace, roots: ReadonlyMap<Hierarchy, CgroupNode>) {
    super("cgroup", inode, owner);
    this.roots = roots;
  }
}

/** What a process is in. */
export interface NamespaceSet {
  mnt: MountNamespace;
  pid: PidNamespace;
  uts: UtsNamespace;
  ipc: IpcNamespace;
  net: NetworkNamespace;
  cgroup: CgroupNamespace;
  user: UserNamespace;
  time: Namespace;
}
