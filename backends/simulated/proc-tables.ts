// Tables of procfs that say what a process, or the machine, is made of: /proc/PID/limits,
// /proc/net/dev, /proc/loadavg (proc_pid_limits(5), proc_pid_net(5), proc_loadavg(5)).

import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";
import { getLimit } from "./process-limits.ts";

/** By their number, with what they are counted in. */
const LIMITS: readonly (readonly [name: string, unit: string])[] = [
  ["Max cpu time", "seconds"],
  ["Max file size", "bytes"],
  ["Max data size", "bytes"],
  ["Max stack size", "bytes"],
  ["Max core file size", "bytes"],
  ["Max resident set", "bytes"],
  ["Max processes", "processes"],
  ["Max open files", "files"],
  ["Max locked memory", "bytes"],
  ["Max address space", "bytes"],
  ["Max file locks", "locks"],
  ["Max pending signals", "signals"],
  ["Max msgqueue size", "bytes"],
  ["Max nice priority", ""],
  ["Max realtime priority", ""],
  ["Max realtime timeout", "us"],
];
const UNLIMITED = 2n ** 64n - 1n;

export function limitsText(process: Process): string {
  const row = (name: string, soft: string, hard: string, unit: string): string =>
    `${name.padEnd(25)} ${soft.padEnd(20)} ${hard.padEnd(20)} ${unit.padEnd(10)}\n`;
  const shown = (value: bigint): string => (value === UNLIMITED ? "unlimited" : String(value));
  const rows = LIMITS.map(([name, unit], resource) => {
    const { soft, hard } = getLimit(process, resource);
    return row(name, shown(soft), shown(hard), unit);
  });
  return row("Limit", "Soft Limit", "Hard Limit", "Units") + rows.join("");
}

/** Nothing goes through them here. */
export function interfaceTable({ namespaces }: Process): string {
  const title = [
    "Inter-|   Receive                                                |  Transmit",
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed",
  ];
  const zeros = [8, 8, 5, 5, 5, 6, 11, 10, 9, 8, 5, 5, 5, 6, 8, 11].map((w) => "0".padStart(w - 1));
  const rows = [...namespaces.net.links.keys()].map(
    (name) => `${name.padStart(6)}: ${zeros.join(" ")}`,
  );
  return [...title, ...rows].map((line) => `${line}\n`).join("");
}

/** As many wait as compute: nothing is averaged where a slice has no length. */
export function loadAverages(machine: Machine): string {
  const all = machine.processes.all();
  const computing = all.filter((one) => machine.resources.cpu.isComputing(one)).length;
  const load = `${computing}.00`;
  const last = all.at(-1)?.pid ?? 0;
  return `${load} ${load} ${load} ${computing}/${all.length} ${last}\n`;
}
