// What was observed of processes and mounts, turned round: a report for each namespace.

import { NAMESPACE_KINDS } from "@nacre/core/namespace-kinds.ts";
import type { ContainerName, NamespaceReport, ProcessReport } from "../engine.ts";
import type { NamespaceIdentity, Observation } from "./observe.ts";

const keyOf = ({ kind, id }: NamespaceIdentity): string => `${kind}:[${id}]`;

interface Draft extends NamespaceIdentity {
  readonly processes: ProcessReport[];
  readonly descriptors: (ProcessReport & { readonly descriptor: number })[];
  readonly mounts: { path: string; mountNamespace?: number }[];
}

/**
 * One report a namespace, in the order of kinds and numbers. `own`: what the looking process is
 * in. `containers`: those that run, by their first process.
 */
export function reportNamespaces(
  { processes, mounts }: Observation,
  own: readonly NamespaceIdentity[],
  containers: readonly (ContainerName & { readonly pid: number })[],
): NamespaceReport[] {
  const drafts = new Map<string, Draft>();
  const draftOf = (namespace: NamespaceIdentity): Draft => {
    const { kind, id } = namespace;
    const draft = drafts.get(keyOf(namespace)) ?? {
      kind,
      id,
      processes: [],
      descriptors: [],
      mounts: [],
    };
    drafts.set(keyOf(namespace), draft);
    return draft;
  };
  for (const { pid, command, namespaces, descriptors } of processes) {
    for (const each of namespaces) draftOf(each).processes.push({ pid, command });
    for (const { descriptor, ...each } of descriptors) {
      draftOf(each).descriptors.push({ pid, command, descriptor });
    }
  }
  const ownMounts = own.find(({ kind }) => kind === "mnt")?.id;
  for (const { path, mountNamespace, ...each } of mounts) {
    const elsewhere = mountNamespace !== ownMounts;
    draftOf(each).mounts.push({ path, ...(elsewhere && { mountNamespace }) });
  }
  const ownKeys = new Set(own.map(keyOf));
  return [...drafts.values()].sort(byKindAndNumber).map((draft) => {
    const isOwn = ownKeys.has(keyOf(draft));
    const first = containers.find(({ pid }) => draft.processes.some((p) => p.pid === pid));
    const container = !isOwn && first && { id: first.id, name: first.name };
    return { ...draft, own: isOwn, ...(container && { container }) };
  });
}

function byKindAndNumber(a: NamespaceIdentity, b: NamespaceIdentity): number {
  return NAMESPACE_KINDS.indexOf(a.kind) - NAMESPACE_KINDS.indexOf(b.kind) || a.id - b.id;
}
