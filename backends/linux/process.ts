// Processes as /proc shows them. A pid alone names nobody for long: with the time at which the
// process started it does (proc_pid_stat(5), field 22).

import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { NacreError } from "@nacre/core/error.ts";
import { NAMESPACE_KINDS } from "@nacre/core/namespace-kinds.ts";
import type { HeldRoot, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";

export interface ProcessStat {
  /** One letter: R, S, D, Z, T, … */
  readonly state: string;
  /** Clock ticks since boot. */
  readonly startTime: bigint;
}

/** Parses /proc/PID/stat; the name in field 2 may hold blanks and `)`, so fields count from its end. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[22 - 3]];
  if (!state || !startTime || !/^\d+$/.test(startTime)) return undefined;
  return { state, startTime: BigInt(startTime) };
}

function stat(pid: number): ProcessStat | undefined {
  return statIn(`/proc/${pid}`);
}

function statIn(directory: string): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`${directory}/stat`, "utf8"));
  } catch {
    return undefined; // gone, or going
  }
}

const dead = (state: string): boolean => state === "Z" || state === "X" || state === "x";

/** The identity of a living process, undefined if there is none. */
export function identify(pid: number): ProcessIdentity | undefined {
  const found = stat(pid);
  return found && !dead(found.state) ? { pid, startTime: found.startTime } : undefined;
}

/** By pid and start time; a zombie is not. */
export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startTime === process.startTime;
}

/** Between the look and the signal a pid could be given again; the kernel reuses one only after a whole round. */
export function sendSignal(target: ProcessIdentity, number: number): boolean {
  if (!isAlive(target)) return false;
  try {
    process.kill(target.pid, number);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** By a descriptor of its directory in /proc, which stays that process's when the pid is given again. */
export function holdRoot(target: ProcessIdentity): HeldRoot {
  let descriptor: number | undefined;
  try {
    const { O_RDONLY, O_DIRECTORY } = constants;
    descriptor = openSync(`/proc/${target.pid}`, O_RDONLY | O_DIRECTORY);
    // By our own pid: programs reach it by this name, too.
    const directory = `/proc/${process.pid}/fd/${descriptor}`;
    const held = descriptor;
    if (statIn(directory)?.startTime === target.startTime) {
      return { path: `${directory}/root`, release: () => closeSync(held) };
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOENT" && code !== "ESRCH") throw error;
  }
  if (descriptor !== undefined) closeSync(descriptor);
  throw new NacreError("not-found", `the process ${target.pid} has ended`);
}

const KINDS: ReadonlySet<string> = new Set(NAMESPACE_KINDS);

/** The inode numbers of a process's namespaces; empty if it is gone. */
export function namespacesOf(pid: number): Partial<Record<NamespaceKind, bigint>> {
  const found: Partial<Record<NamespaceKind, bigint>> = {};
  try {
    for (const kind of readdirSync(`/proc/${pid}/ns`)) {
      if (!KINDS.has(kind)) continue;
      const inode = /\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/ns/${kind}`))?.[1];
      if (inode) found[kind as NamespaceKind] = BigInt(inode);
    }
  } catch {
    // It ended meanwhile: what was read until then is still true of it.
  }
  return found;
}
