// A snapshot of all that can be seen of the machine from outside: what a program that is undone,
// or a container that is removed, must leave as it was.

import type { MountEntry } from "@nacre/core/ports/kernel.ts";
import type { Inode } from "./inode.ts";
import type { Machine } from "./machine.ts";
import { mountEntries } from "./mount-table.ts";
import type { Process } from "./process.ts";

export interface MachineState {
  readonly mounts: readonly MountEntry[];
  /** `hierarchy:path`, sorted. */
  readonly cgroups: readonly string[];
  /** `pid command state`, by pid. */
  readonly processes: readonly string[];
  /** How many combinations of cgroups are in use. */
  readonly cssSets: number;
  /** Namespaces that processes are in, as /proc/PID/ns shows them. */
  readonly namespaces: readonly string[];
  /** Everything on the disk: path → kind, mode, owner, size and what a link says. */
  readonly files: Readonly<Record<string, string>>;
}

function* treeOf(inode: Inode, path: string): Generator<[string, Inode]> {
  yield [path, inode];
  if (inode.kind !== "directory") return;
  for (const name of [...inode.names()].sort()) {
    const child = inode.lookup(name);
    if (child) yield* treeOf(child, `${path === "/" ? "" : path}/${name}`);
  }
}

function described(inode: Inode): string {
  const owner = `${inode.mode.toString(8)} ${inode.uid}:${inode.gid}`;
  if (inode.kind === "symlink") return `symlink ${owner} ${inode.readLink()}`;
  if (inode.kind === "directory") return `directory ${owner}`;
  return `${inode.kind} ${owner} ${inode.size}`;
}

/** As `process` sees it; files are those of its root's file system. */
export function stateOf(machine: Machine, process: Process): MachineState {
  const processes = machine.processes.all();
  const namespaces = new Set(
    processes.flatMap((p) => Object.values(p.namespaces).map((ns) => `${ns.kind}:[${ns.inode}]`)),
  );
  return {
    mounts: mountEntries(process.namespaces.mnt.tree, process.root),
    cgroups: machine.cgroups.hierarchies
      .flatMap((h) => [...h.root.subtree()].map((node) => `${h.label}:${node.path}`))
      .sort(),
    processes: processes.map((p) => `${p.pid} ${p.command} ${p.state}`),
    cssSets: machine.cgroups.counts().sets,
    namespaces: [...namespaces].sort(),
    files: Object.fromEntries(
      [...treeOf(process.root.dentry.inode, "/")].map(([path, inode]) => [path, described(inode)]),
    ),
  };
}
