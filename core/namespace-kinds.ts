import type { NamespaceKind } from "./program/operation.ts";

/** The eight kinds, as /proc/PID/ns names and orders them (namespaces(7)). */
export const NAMESPACE_KINDS: readonly NamespaceKind[] = [
  "cgroup",
  "ipc",
  "mnt",
  "net",
  "pid",
  "time",
  "user",
  "uts",
];
