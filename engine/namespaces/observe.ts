// What /proc tells of namespaces: which process is in which, and what else holds one. A namespace
// is identified by its inode number in nsfs: `readlink /proc/PID/ns/net` says net:[4026531840].
//
// Alive it is kept by its members, by whoever has it open (a descriptor of /proc/PID/ns/KIND), and
// by whoever has bound it to a file (a mount of type nsfs). Not told by /proc, and left out: a pid
// or user namespace lives on while one below it does, and a user namespace while it owns another.

import { parseMountinfo } from "@nacre/core/mountinfo.ts";
import { NAMESPACE_KINDS } from "@nacre/core/namespace-kinds.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { ProcessReport } from "../engine.ts";
import { commandOf, ifThere, processIds } from "../observation.ts";

export interface NamespaceIdentity {
  readonly kind: NamespaceKind;
  /** Inode number in nsfs: 32 bits. */
  readonly id: number;
}

/** What one process has to do with namespaces. */
export interface ObservedProcess extends ProcessReport {
  readonly namespaces: readonly NamespaceIdentity[];
  readonly descriptors: readonly (NamespaceIdentity & { readonly descriptor: number })[];
  /** Others that its children will be in: after unshare(2) or setns(2) of a pid or time namespace. */
  readonly forChildren: readonly NamespaceIdentity[];
}

/** A namespace that is bound to a file, in one mount namespace. */
export interface ObservedMount extends NamespaceIdentity {
  readonly path: string;
  /** The mount namespace in which the mount is. */
  readonly mountNamespace: number;
}

export interface Observation {
  readonly processes: readonly ObservedProcess[];
  readonly mounts: readonly ObservedMount[];
}

/** Reads `net:[4026531840]`; undefined for other texts, such as `socket:[12]`. */
function parseNamespace(text: string): NamespaceIdentity | undefined {
  const [, name, inode] = /^(\w+):\[(\d+)\]$/.exec(text) ?? [];
  const kind = NAMESPACE_KINDS.find((each) => each === name);
  return kind && inode !== undefined ? { kind, id: Number(inode) } : undefined;
}

/** Processes that cannot be looked into, or have gone since they were listed, are left out. */
export function observe(files: Files): Observation {
  const processes = processIds(files).flatMap((pid) => observeProcess(files, pid) ?? []);
  return { processes, mounts: mountsOf(files, processes) };
}

function observeProcess(files: Files, pid: number): ObservedProcess | undefined {
  const read = (path: string): NamespaceIdentity | undefined => {
    const text = ifThere(() => files.readLink(`/proc/${pid}/${path}`));
    return text === undefined ? undefined : parseNamespace(text);
  };
  const namespaces = NAMESPACE_KINDS.flatMap((kind) => read(`ns/${kind}`) ?? []);
  if (namespaces.length === 0) return undefined;
  const open = ifThere(() => files.list(`/proc/${pid}/fd`)) ?? [];
  const descriptors = open.flatMap((name) => {
    const found = read(`fd/${name}`);
    return found === undefined ? [] : [{ ...found, descriptor: Number(name) }];
  });
  const forChildren = ["pid", "time"].flatMap((kind) => {
    const next = read(`ns/${kind}_for_children`);
    return next && !namespaces.some((each) => each.id === next.id) ? [next] : [];
  });
  return { pid, command: commandOf(files, pid), namespaces, descriptors, forChildren };
}

/** The nsfs mounts of each mount namespace, as one of its members sees them. */
function mountsOf(files: Files, processes: readonly ObservedProcess[]): ObservedMount[] {
  const seen = new Set<number>();
  return processes.flatMap(({ pid, namespaces }) => {
    const mountNamespace = namespaces.find(({ kind }) => kind === "mnt")?.id;
    if (mountNamespace === undefined || seen.has(mountNamespace)) return [];
    const text = ifThere(() => files.readText(`/proc/${pid}/mountinfo`));
    if (text === undefined || text === "") return [];
    seen.add(mountNamespace);
    return parseMountinfo(text).flatMap(({ type, root, target }) => {
      const found = type === "nsfs" ? parseNamespace(root) : undefined;
      return found === undefined ? [] : [{ ...found, path: target, mountNamespace }];
    });
  });
}
