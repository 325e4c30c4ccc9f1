// Namespaces for people, and as JSON.

import type { NamespaceReport } from "@nacre/engine/engine.ts";
import { neutralise } from "./escape.ts";
import { formatTable } from "./table.ts";

const HEADINGS = ["KIND", "ID", "PROCESSES", "PID", "COMMAND", "CONTAINER", "KEPT ALIVE BY"];

/** A table; a star marks the namespaces of whoever asks. */
export function namespacesText(reports: readonly NamespaceReport[]): string {
  const rows = reports.map((report) => {
    const { kind, id, own, processes, container } = report;
    const [first] = processes;
    return [
      kind,
      `${id}${own ? "*" : ""}`,
      String(processes.length),
      first === undefined ? "" : String(first.pid),
      neutralise(first?.command ?? ""),
      container?.name ?? "",
      holders(report).join(", "),
    ];
  });
  return formatTable([HEADINGS, ...rows]);
}

/** Everything that holds a namespace, in a few words each. */
function holders(report: NamespaceReport): string[] {
  const { processes, parents, descriptors, mounts, pins } = report;
  const members = processes.length === 1 ? "a process" : `${processes.length} processes`;
  return [
    ...(processes.length > 0 ? [members] : []),
    ...parents.map(({ pid, command }) => `children of ${pid} ${neutralise(command)}`),
    ...pins.map((name) => `pin ${name}`),
    ...descriptors.map(({ pid, command, descriptor }) => {
      return `descriptor ${descriptor} of ${pid} ${neutralise(command)}`;
    }),
    ...mounts.map(({ path, mountNamespace }) => {
      const where = mountNamespace === undefined ? "" : ` in mnt:[${mountNamespace}]`;
      return `mount ${neutralise(path)}${where}`;
    }),
  ];
}

/** An array, one element a namespace. */
export function namespacesJson(reports: readonly NamespaceReport[]): string {
  const shown = reports.map(({ kind, id, own, container, ...rest }) => ({
    kind,
    id,
    own,
    container: container ?? null,
    ...rest,
  }));
  return `${JSON.stringify(shown, null, 4)}\n`;
}
