// A program as text for people and as JSON for machines. The text is for somebody who learns what
// a container is: what is done, why, by which system calls, and what undoes it.

import { describe, listing, systemCalls } from "./describe.ts";
import { inverseOf } from "./inverse.ts";
import type { Operation } from "./operation.ts";
import type { KernelProgram } from "./program.ts";
import { protections } from "./protections.ts";

export interface PrintOptions {
  /** Wraps reasons at this column; 0 never wraps. */
  readonly columns: number;
  /** Dims reasons and numbers with terminal attributes. */
  readonly colour: boolean;
}

/** Of a program without a process. */
const LASTING_TITLE =
  "host: done in the machine's own namespaces; undone in reverse if one of them fails";
const SECTION_TITLES = {
  host: "host: prepared in the machine's own namespaces; undone in reverse when the container ends",
  clone: "clone: the container's first process comes into being",
  parent: "parent: done from outside while the child waits",
  child: "child: done inside the new namespaces; gone with the last process",
} as const;

function wrap(text: string, indent: string, columns: number): string[] {
  if (columns === 0) return [indent + text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > columns) {
      lines.push(indent + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(indent + line);
  return lines;
}

function printOperation(
  operation: Operation,
  number: number,
  undone: boolean,
  options: PrintOptions,
): string[] {
  const dim = (text: string): string => (options.colour ? `\x1b[2m${text}\x1b[22m` : text);
  const head = `${String(number).padStart(3)}  ${shortIds(describe(operation))}`;
  const inverse = undone ? inverseOf(operation) : undefined;
  const remarks = [
    ...(operation.why ? [operation.why] : []),
    `by ${systemCalls(operation)}`,
    ...(inverse ? [`undone: ${describe(inverse)}`] : []),
  ];
  return [
    head,
    ...wrap(shortIds(remarks.join(" · ")), "       ", options.columns).map(dim),
    ...listing(operation).map((line) => dim(`       ${line}`)),
  ];
}

/** Where somebody else goes on than who did what stands before. */
function turn({ outside = false }: Operation, before: Operation | undefined): string[] {
  if (outside === (before?.outside ?? false)) return [];
  return [outside ? "     for it, by a process outside of its user namespace:" : "     itself:"];
}

function printSection(
  title: string,
  operations: readonly Operation[],
  undone: boolean,
  options: PrintOptions,
): string[] {
  const heading = options.colour ? `\x1b[1m${title}\x1b[22m` : title;
  const lines = operations.flatMap((operation, i) => [
    ...turn(operation, operations[i - 1]),
    ...printOperation(operation, i, undone, options),
  ]);
  return [heading, ...lines, ""];
}

/** The program as `nacre explain` shows it. Operation numbers are those that errors name. */
export function printProgram(program: KernelProgram, options: PrintOptions): string {
  const lines = [program.title, ""];
  const process = program.process;
  const title = process ? SECTION_TITLES.host : LASTING_TITLE;
  lines.push(...printSection(title, program.host, true, options));
  if (process) {
    const { create, join, cgroups, joinPaths } = process.clone;
    const words = [
      ...(create.length > 0 ? [`new namespaces: ${create.join(", ")}`] : []),
      ...(join ? [`joins ${join.namespaces.join(", ")} of process ${join.pid}`] : []),
      ...(cgroups.length > 0 ? [`begins in cgroups ${shortIds(cgroups.join(" "))}`] : []),
      ...joinPaths.map((j) => `joins ${j.kind} by ${j.path}`),
    ];
    lines.push(
      SECTION_TITLES.clone,
      ...words.map((word) => `     ${word}`),
      "       by clone3",
      "",
    );
    if (process.parent.length > 0) {
      lines.push(...printSection(SECTION_TITLES.parent, process.parent, false, options));
    }
    lines.push(...printSection(SECTION_TITLES.child, process.child, false, options));
    lines.push(...printProtections(program, options));
  }
  return lines.join("\n");
}

/** What stands between the process and the machine. */
function printProtections(program: KernelProgram, options: PrintOptions): string[] {
  const dim = (text: string): string => (options.colour ? `\x1b[2m${text}\x1b[22m` : text);
  const title = "protections: what the process is kept from, and what changes that";
  return [
    options.colour ? `\x1b[1m${title}\x1b[22m` : title,
    ...protections(program).flatMap(({ name, extent, on, prevents, change }) => [
      `  ${on ? "on " : "off"}  ${name}${on && extent !== "" ? ` (${shortIds(extent)})` : ""}`,
      ...wrap(`${prevents} · ${change}`, "       ", options.columns).map(dim),
    ]),
    "",
  ];
}

/** IDs and digests as docker shortens them, for people; programToJson has them whole. */
const shortIds = (text: string): string => text.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, "$1");

/** Machine-readable: the program with each host operation's inverse; big integers as decimal strings. */
export function programToJson(program: KernelProgram): string {
  const shown = {
    ...program,
    host: program.host.map((o) => ({ ...o, inverse: inverseOf(o) ?? null })),
    ...(program.process && { protections: protections(program) }),
  };
  return JSON.stringify(
    shown,
    (_key, value: unknown) =>
      typeof value === "bigint"
        ? value.toString()
        : value instanceof Uint8Array
          ? Array.from(value)
          : value,
    2,
  );
}
