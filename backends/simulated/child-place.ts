// Where a child begins: in new namespaces, and in those of others. As nacre-init's process.c.

import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { Machine } from "./machine.ts";
import { join, type NewPlace, namespacesOfChild } from "./namespace-calls.ts";
import type { Namespace } from "./namespaces.ts";
import { noStreams, type Process } from "./process.ts";

/** Once the child is there, `made` lets go of who held its namespaces. */
export interface ChildPlace extends NewPlace {
  readonly made: () => void;
}

type Joined = readonly (readonly [Namespace["kind"], Namespace])[];

/** Who is in a user namespace may join nothing that others' users own. */
export const usersLast = (namespaces: Joined): Joined =>
  namespaces.toSorted(([a], [b]) => Number(a === "user") - Number(b === "user"));

/**
 * Whether others' are joined before the child is made: where a namespace that is made belongs to
 * the user namespace that is joined, or one that is joined to another than the one that is made.
 */
export const joinsBefore = (create: readonly NamespaceKind[], namespaces: Joined): boolean =>
  create.length > 0 &&
  namespaces.length > 0 &&
  (create.includes("user") || namespaces.some(([kind]) => kind === "user"));

/** A pid namespace is joined by the parent, for its children. */
export function placeHere(
  machine: Machine,
  parent: Process,
  namespaces: Joined,
  create: readonly NamespaceKind[],
): ChildPlace {
  for (const [kind, namespace] of namespaces) {
    if (kind === "pid") join(machine, parent, namespace, kind);
  }
  return { ...namespacesOfChild(machine, parent, create), made: () => {} };
}

/** A process goes there first, and makes the child for its own parent. */
export function placeThere(
  machine: Machine,
  parent: Process,
  namespaces: Joined,
  create: readonly NamespaceKind[],
): ChildPlace {
  const { root, cwd, credentials } = parent;
  const helper = machine.processes.fork(parent, parent.namespaces, {
    ...{ root, cwd, credentials, command: "nacre-init" },
    streams: noStreams(),
  });
  const made = (): void => {
    machine.processes.exit(helper, { code: 0, signal: 0 });
    machine.processes.reap(helper);
  };
  try {
    for (const [kind, namespace] of usersLast(namespaces)) join(machine, helper, namespace, kind);
    return { ...namespacesOfChild(machine, helper, create), made };
  } catch (error) {
    made();
    throw error;
  }
}
