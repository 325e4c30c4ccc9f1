// Looking at a machine that lives: what was listed may be gone when it is read, and what belongs
// to somebody more powerful cannot be read at all.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";

/** The numbers of all processes, ascending. Threads have none of their own here. */
export function processIds(files: Files): number[] {
  return files
    .list("/proc")
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** What `look` finds; undefined where it is gone, going, or not ours to see. */
export function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof NacreError)) throw error;
    const gone = error.kind === "not-found" || error.kind === "denied";
    // ESRCH and ENODEV: a file of procfs, or of cgroupfs, that outlived what it tells of.
    if (gone || error.errno === "ESRCH" || error.errno === "ENODEV") return undefined;
    throw error;
  }
}

/** A process's name as the kernel has it: fifteen bytes, chosen by itself. */
export function commandOf(files: Files, pid: number): string {
  return ifThere(() => files.readText(`/proc/${pid}/comm`))?.replace(/\n$/, "") ?? "";
}
