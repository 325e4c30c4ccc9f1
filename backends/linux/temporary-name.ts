// Names of files that are being written. They say who writes, so that anybody can tell a file that
// a killed process left from one that is growing:
//
//   NAME.PIDNS-PID-START-N.tmp       given up with its writer
//   NAME.PIDNS-PID-START-N.partial   can be taken over when its writer is gone
//   NAME.partial                     suspended: whoever renames it to a name of its own has it
//
// PIDNS is the inode of the writer's pid namespace (pids of another one say nothing here), START
// its start time in clock ticks since boot, N counts within the process.

import { readFileSync, readlinkSync } from "node:fs";

export type Ending = "tmp" | "partial";

const OWNED = /^(.+)\.(\d+)-(\d+)-(\d+)-\d+\.(tmp|partial)$/;

/** Field 22 of /proc/PID/stat; undefined if there is no such process. */
function startTime(pid: number | "self"): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is a name in parentheses that may hold spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** Another process that has been cloned from us has another pid, hence no cache by module alone. */
let owner: { readonly pid: number; readonly namespace: string; readonly tag: string } | undefined;
let counter = 0;

function self(): { readonly namespace: string; readonly tag: string } {
  if (owner?.pid !== process.pid) {
    const namespace = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
    const tag = `${namespace}-${process.pid}-${startTime("self") ?? 0}`;
    owner = { pid: process.pid, namespace, tag };
  }
  return owner;
}

/** A name beside `path` that nobody else has. */
export function ownName(path: string, ending: Ending): string {
  return `${path}.${self().tag}-${counter++}.${ending}`;
}

/** Under which what a writer has kept waits for the next writer of `path`. */
export function suspendedName(path: string): string {
  return `${path}.partial`;
}

/** Whether `name` is a temporary one whose writer is gone; of a partial one also if it is suspended. */
export function isAbandoned(name: string, ending: Ending): boolean {
  const match = OWNED.exec(name);
  if (!match) return ending === "partial" && name.endsWith(".partial");
  const [, , namespace, pid, start, found] = match;
  return found === ending && namespace === self().namespace && startTime(Number(pid)) !== start;
}

/** Whether `name` is a partial file for the file called `base`. */
export function isPartialOf(base: string, name: string): boolean {
  return name.startsWith(`${base}.`) && OWNED.exec(name)?.[1] === base && name.endsWith(".partial");
}
