// Whose namespaces are meant: a container's, or a process's by its number.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { ContainerName, Containers } from "../engine.ts";
import { commandOf } from "../observation.ts";
import type { NamespaceIdentity } from "./observe.ts";

/** A living process and those of its namespaces that are meant. */
export interface JoinedProcess {
  readonly pid: number;
  readonly startTime: bigint;
  readonly command: string;
  readonly container?: ContainerName;
  readonly namespaces: readonly NamespaceIdentity[];
}

/** The namespaces that a process is in, by kind. */
export function namespacesOf(kernel: Kernel, pid: number): NamespaceIdentity[] {
  return Object.entries(kernel.namespaces(pid)).map(([kind, inode]) => ({
    kind: kind as NamespaceKind,
    id: Number(inode),
  }));
}

/**
 * The process that `target` names, and its namespaces of these kinds; without any, those that are
 * not our own. NacreError `not-found`, `conflict` for a container that does not run, `denied`,
 * `unsupported` for a kind that this kernel does not have, `invalid` where nothing is left.
 */
export function findProcess(
  ports: { readonly kernel: Kernel; readonly files: Files; readonly containers: Containers },
  target: string,
  kinds: readonly NamespaceKind[],
  own: readonly NamespaceIdentity[],
): JoinedProcess {
  const { kernel, files } = ports;
  const { pid, container } = resolve(ports, target);
  const process = kernel.identify(pid);
  if (!process) throw new NacreError("not-found", `no process ${pid} lives`);
  const all = namespacesOf(kernel, pid);
  if (all.length === 0) {
    throw new NacreError("denied", `the namespaces of process ${pid} cannot be looked at`, {
      advice: "Run as root; a process with more powers than this one stays closed to it.",
    });
  }
  const missing = kinds.find((kind) => !all.some((each) => each.kind === kind));
  if (missing !== undefined) {
    throw new NacreError("unsupported", `this kernel has no ${missing} namespaces`);
  }
  const isOwn = ({ kind, id }: NamespaceIdentity): boolean =>
    own.some((each) => each.kind === kind && each.id === id);
  const namespaces = all.filter((each) =>
    kinds.length > 0 ? kinds.includes(each.kind) : !isOwn(each),
  );
  if (namespaces.length === 0) {
    throw new NacreError("invalid", `process ${pid} has no namespace of its own`, {
      advice: "All that it is in are this command's, too. Name some with --kind.",
    });
  }
  const command = commandOf(files, pid);
  return { ...process, command, namespaces, ...(container && { container }) };
}

function resolve(
  { containers }: { readonly containers: Containers },
  target: string,
): { readonly pid: number; readonly container?: ContainerName } {
  // Digits are a process, unless a container is called by just these.
  const called = containers.list().some(({ name, id }) => name === target || id === target);
  if (/^\d+$/.test(target) && !called) return { pid: Number(target) };
  const { id, name, status, process } = containers.get(target);
  if (process && status !== "exited") return { pid: process.pid, container: { id, name } };
  throw new NacreError("conflict", `container ${name} does not run: it has no namespaces`, {
    advice: "What was pinned of it is joined by the pin's name.",
  });
}
