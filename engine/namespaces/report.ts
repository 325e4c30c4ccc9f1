// What was observed of processes and mounts, turned round: a report for each namespace.

import { NAMESPACE_KINDS } from "@nacre/core/namespace-kinds.ts";
import type { PinRecord } from "@nacre/core/state/records.ts";
import type { ContainerName, NamespaceReport, ProcessReport } from "../engine.ts";
import type { NamespaceIdentity, Observation } from "./observe.ts";

const keyOf = ({ kind, id }: NamespaceIdentity): string => `${kind}:[${id}]`;

interface Draft extends NamespaceIdentity {
  readonly processes: ProcessReport[];
  readonly descriptors: (ProcessReport & { readonly descriptor: number })[];
  readonly mounts: { path: string; mountNamespace?: number }[];
  readonly pins: string[];
  readonly parents: ProcessReport[];
}

/** What is known beside what was observed. */
export interface Surroundings {
  /** What the looking process is in. */
  readonly own: readonly NamespaceIdentity[];
  /** Those that run, by their first process. */
  readonly containers: readonly (ContainerName & { readonly pid: number })[];
  readonly pins: readonly PinRecord[];
  readonly pinsDirectory: string;
}

/** One report a namespace, in the order of kinds and numbers. */
export function reportNamespaces(
  { processes, mounts }: Observation,
  surroundings: Surroundings,
): NamespaceReport[] {
  const { own, pins, pinsDirectory } = surroundings;
  const drafts = new Map<string, Draft>();
  const draftOf = (namespace: NamespaceIdentity): Draft => {
    const draft = drafts.get(keyOf(namespace)) ?? newDraft(namespace);
    drafts.set(keyOf(namespace), draft);
    return draft;
  };
  for (const { pid, command, namespaces, descriptors, forChildren } of processes) {
    for (const each of namespaces) draftOf(each).processes.push({ pid, command });
    for (const each of forChildren) draftOf(each).parents.push({ pid, command });
    for (const { descriptor, ...each } of descriptors) {
      draftOf(each).descriptors.push({ pid, command, descriptor });
    }
  }
  const ownMounts = own.find(({ kind }) => kind === "mnt")?.id;
  for (const { path, mountNamespace, ...each } of mounts) {
    const elsewhere = mountNamespace !== ownMounts;
    const pin = pins.find(({ name }) => path === `${pinsDirectory}/${name}/${each.kind}`);
    if (pin && !elsewhere) draftOf(each).pins.push(pin.name);
    else draftOf(each).mounts.push({ path, ...(elsewhere && { mountNamespace }) });
  }
  return [...drafts.values()].sort(byKindAndNumber).map((draft) => finished(draft, surroundings));
}

function newDraft({ kind, id }: NamespaceIdentity): Draft {
  return { kind, id, processes: [], descriptors: [], mounts: [], pins: [], parents: [] };
}

function finished(draft: Draft, { own, containers, pins }: Surroundings): NamespaceReport {
  const isOwn = own.some((each) => keyOf(each) === keyOf(draft));
  const first = containers.find(({ pid }) => draft.processes.some((p) => p.pid === pid));
  const pinned = pins.find(({ name }) => draft.pins.includes(name))?.of.container;
  const found = first ?? pinned;
  const container = !isOwn && found && { id: found.id, name: found.name };
  return { ...draft, own: isOwn, ...(container && { container }) };
}

function byKindAndNumber(a: NamespaceIdentity, b: NamespaceIdentity): number {
  return NAMESPACE_KINDS.indexOf(a.kind) - NAMESPACE_KINDS.indexOf(b.kind) || a.id - b.id;
}
