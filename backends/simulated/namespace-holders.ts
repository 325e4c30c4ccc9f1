// What keeps a namespace alive (namespaces(7), "Namespace lifetime"): processes in it or whose
// children will be, descriptors of its file, mounts of its file, and namespaces that lie within it
// or belong to it.

import { NAMESPACE_KINDS } from "@nacre/core/namespace-kinds.ts";
import type { Machine } from "./machine.ts";
import { type Namespace, PidNamespace } from "./namespaces.ts";
import { NamespaceInode } from "./nsfs.ts";
import type { Process } from "./process.ts";
import { UserNamespace } from "./user-namespace.ts";

export interface NamespaceHolders {
  readonly processes: readonly Process[];
  /** Processes that have it open. */
  readonly descriptors: readonly Process[];
  /** Names at which its file is mounted, as the mount namespaces that have them see it. */
  readonly mounts: readonly string[];
  readonly namespaces: readonly Namespace[];
}

/** Those that a process is in or that its children will be in. */
function* namespacesOf(process: Process): Generator<Namespace> {
  for (const kind of NAMESPACE_KINDS) yield process.namespaces[kind];
  yield process.pidForChildren;
  yield process.timeForChildren;
}

function* openNamespaces(process: Process): Generator<Namespace> {
  for (const { path } of process.files.all()) {
    const { inode } = path.dentry;
    if (inode instanceof NamespaceInode) yield inode.namespace;
  }
}

/** The namespaces that `namespace` itself needs. */
function needed(namespace: Namespace): (Namespace | undefined)[] {
  const around = namespace instanceof PidNamespace || namespace instanceof UserNamespace;
  return [namespace.owner, around ? namespace.parent : undefined];
}

interface Held {
  readonly processes: Map<Namespace, Process[]>;
  readonly descriptors: Map<Namespace, Process[]>;
  readonly mounts: Map<Namespace, string[]>;
  readonly namespaces: Map<Namespace, Namespace[]>;
}

function put<T>(map: Map<Namespace, T[]>, key: Namespace, value: T): void {
  const list = map.get(key);
  if (!list) map.set(key, [value]);
  else if (!list.includes(value)) list.push(value);
}

function holdersOfAll(machine: Machine): Held {
  const held: Held = {
    processes: new Map(),
    descriptors: new Map(),
    mounts: new Map(),
    namespaces: new Map(),
  };
  for (const process of machine.processes.all()) {
    if (!process.alive) continue;
    for (const namespace of namespacesOf(process)) put(held.processes, namespace, process);
    for (const namespace of openNamespaces(process)) put(held.descriptors, namespace, process);
  }
  for (const { tree } of machine.mountNamespaces) {
    for (const { root, mountpoint } of tree.mounts) {
      if (!(root.inode instanceof NamespaceInode)) continue;
      put(held.mounts, root.inode.namespace, mountpoint?.path() ?? "/");
    }
  }
  const alive = new Set<Namespace>();
  const mark = (namespace: Namespace): void => {
    if (alive.has(namespace)) return;
    alive.add(namespace);
    for (const one of needed(namespace)) {
      if (!one || one === namespace) continue;
      put(held.namespaces, one, namespace);
      mark(one);
    }
  };
  for (const map of [held.processes, held.descriptors, held.mounts]) {
    for (const namespace of map.keys()) mark(namespace);
  }
  return held;
}

/** Everything that holds a namespace; nothing at all once it is gone. */
export function holdersOf(machine: Machine, namespace: Namespace): NamespaceHolders {
  const held = holdersOfAll(machine);
  return {
    processes: held.processes.get(namespace) ?? [],
    descriptors: held.descriptors.get(namespace) ?? [],
    mounts: held.mounts.get(namespace) ?? [],
    namespaces: held.namespaces.get(namespace) ?? [],
  };
}

/** All namespaces that something holds, by their numbers. */
export function livingNamespaces(machine: Machine): Namespace[] {
  const held = holdersOfAll(machine);
  const all = new Set(Object.values(held).flatMap((map) => [...map.keys()]));
  return [...all].sort((a, b) => Number(a.inode - b.inode));
}
