// /proc/PID/stat and /proc/PID/status (proc_pid_stat(5), proc_pid_status(5)), and /proc/meminfo:
// what the machine and its processes use, in the kernel's units.

import { formatCpusetList } from "@nacre/core/cpuset-list.ts";
import { PAGE_BYTES } from "./control-value.ts";
import { HUGE_PAGE_SIZES } from "./hugetlb.ts";
import type { Machine } from "./machine.ts";
import type { PidNamespace } from "./namespaces.ts";
import type { Process } from "./process.ts";
import { IGNORE } from "./signals.ts";

/** Of the devices in /dev/pts. */
const PTY_MAJOR = 136;
const COMMAND_LENGTH = 15;
/** USER_HZ is 100. */
const ticks = (ms: number): number => Math.floor(ms / 10);
const kib = (bytes: number): string => `${String(Math.floor(bytes / 1024)).padStart(8)} kB`;
const hex = (mask: bigint): string => mask.toString(16).padStart(16, "0");

const LETTERS = { running: "S", stopped: "T", zombie: "Z", dead: "X" } as const;
const WORDS = {
  ...{ R: "running", S: "sleeping", T: "stopped" },
  ...{ Z: "zombie", X: "dead" },
} as const;

/** Running is who computes; everybody else waits for something. */
function stateOf(machine: Machine, process: Process): keyof typeof WORDS {
  const computes = process.mayRun && machine.resources.cpu.isComputing(process);
  return computes ? "R" : LETTERS[process.state];
}

/** /proc/PID/stat as the namespace counts, whose processes alone it names; the rest is 0. */
export function statLine(machine: Machine, namespace: PidNamespace, process: Process): string {
  const pidOf = (one: Process | undefined): number => one?.pidIn(namespace) ?? 0;
  const session = pidOf(process.session);
  const { nice, startTime, terminal } = process;
  const cpuTicks = ticks(machine.resources.cpu.usedMs(process));
  const pages = process.memory.residentBytes / PAGE_BYTES;
  const fields = [
    ...[stateOf(machine, process), pidOf(process.parent), pidOf(process.group), session],
    // tty_nr, tpgid, flags, faults of its own and of its children
    ...[terminal ? PTY_MAJOR * 256 + terminal.number : 0, -1, 0, 0, 0, 0, 0],
    // user and system time, its own and of its children, priority, nice, threads, itrealvalue
    ...[cpuTicks, 0, 0, 0, 20 + nice, nice, 1, 0],
    ...[startTime, process.memory.residentBytes + process.memory.swappedBytes, pages],
    ...Array(28).fill(0),
  ];
  const name = process.command.slice(0, COMMAND_LENGTH);
  return `${pidOf(process)} (${name}) ${fields.join(" ")}\n`;
}

type Line = readonly [name: string, value: string | number];

function identity(machine: Machine, namespace: PidNamespace, process: Process): Line[] {
  const levels = [...process.pids].reverse();
  const from = levels.findIndex(([level]) => level === namespace);
  const numbers = levels.slice(Math.max(from, 0)).map(([, pid]) => pid);
  const state = stateOf(machine, process);
  const pid = process.pidIn(namespace) ?? 0;
  const { credentials: who } = process;
  const { uids, gids } = machine.current.credentials.user;
  return [
    ["Name", process.command.slice(0, COMMAND_LENGTH)],
    ...(process.alive ? [["Umask", process.umask.toString(8).padStart(4, "0")] as const] : []),
    ["State", `${state} (${WORDS[state]})`],
    ["Tgid", pid],
    ["Pid", pid],
    ["PPid", process.parent?.pidIn(namespace) ?? 0],
    ["Uid", [who.realUid, who.uid, who.savedUid, who.fsUid].map((id) => uids.shown(id)).join("\t")],
    ["Gid", [who.realGid, who.gid, who.savedGid, who.fsGid].map((id) => gids.shown(id)).join("\t")],
    ["Groups", `${who.groups.map((gid) => gids.shown(gid)).join(" ")} `],
    ["NSpid", numbers.join("\t")],
  ];
}

const signalMask = (signals: Iterable<number>): string =>
  hex([...signals].reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n));

function signalLines({ pending, blocked, handlers }: Process): Line[] {
  const kept = [...handlers];
  const ignored = kept.filter(([, handler]) => handler === IGNORE).map(([signal]) => signal);
  const caught = kept.filter(([, handler]) => handler !== IGNORE).map(([signal]) => signal);
  return [
    ["ShdPnd", signalMask(pending)],
    ["SigBlk", signalMask(blocked)],
    ["SigIgn", signalMask(ignored)],
    ["SigCgt", signalMask(caught)],
  ];
}

function memoryLines(machine: Machine, process: Process): Line[] {
  const { residentBytes, swappedBytes, peakBytes } = process.memory;
  return [
    ["VmSize", kib(residentBytes + swappedBytes)],
    ["VmHWM", kib(peakBytes)],
    ["VmRSS", kib(residentBytes)],
    ["RssAnon", kib(residentBytes)],
    ["VmSwap", kib(swappedBytes)],
    ["HugetlbPages", kib(machine.resources.hugePages.heldBytes(process))],
    ["Threads", 1],
  ];
}

const credentialLines = ({ credentials: who, filters }: Process): Line[] => [
  ["CapInh", hex(who.inheritable)],
  ["CapPrm", hex(who.permitted)],
  ["CapEff", hex(who.effective)],
  ["CapBnd", hex(who.bounding)],
  ["CapAmb", hex(who.ambient)],
  ["NoNewPrivs", who.noNewPrivileges ? 1 : 0],
  ["Seccomp", filters.length > 0 ? 2 : 0],
  ["Seccomp_filters", filters.length],
];

/** /proc/PID/status, without what no program here looks at. Owners are shown to whoever reads. */
export function statusText(machine: Machine, namespace: PidNamespace, process: Process): string {
  const lines = [
    ...identity(machine, namespace, process),
    // A zombie has given its memory back.
    ...(process.alive ? memoryLines(machine, process) : []),
    ...signalLines(process),
    ...credentialLines(process),
    ["Cpus_allowed_list", formatCpusetList(machine.resources.cpu.maskOf(process.cssSet))] as const,
  ];
  return lines.map(([name, value]) => `${name}:\t${value}\n`).join("");
}

/** /proc/meminfo. */
export function memoryInformation(machine: Machine): string {
  const { memory, hugePages } = machine.resources;
  const { memoryBytes, swapBytes, group } = memory.machine;
  const huge = [...hugePages.total].reduce((sum, [size, n]) => sum + n * HUGE_PAGE_SIZES[size], 0);
  const free = memoryBytes - huge - group.usage;
  const { cache, shmem, anon } = memory.kinds();
  const lines: Line[] = [
    ["MemTotal", kib(memoryBytes)],
    ["MemFree", kib(free)],
    ["MemAvailable", kib(free + cache)],
    ["Buffers", kib(0)],
    ["Cached", kib(cache + shmem)],
    ["SwapCached", kib(0)],
    ["SwapTotal", kib(swapBytes)],
    ["SwapFree", kib(swapBytes - group.swap)],
    ["AnonPages", kib(anon)],
    ["Shmem", kib(shmem)],
    ["HugePages_Total", String(hugePages.total.get("2MB") ?? 0).padStart(8)],
    ["HugePages_Free", String(hugePages.free("2MB")).padStart(8)],
    ["Hugepagesize", kib(HUGE_PAGE_SIZES["2MB"])],
    ["Hugetlb", kib(huge)],
  ];
  return lines.map(([name, value]) => `${`${name}:`.padEnd(16)}${value}\n`).join("");
}

/** /proc/stat, as far as top(1) and its like read it. */
export function machineStatistics(machine: Machine): string {
  const { cpu } = machine.resources;
  cpu.update();
  const uptimeMs = machine.clock.monotonicMs();
  const line = (name: string, userMs: number, availableMs: number): string =>
    `${name} ${ticks(userMs)} 0 0 ${ticks(Math.max(0, availableMs - userMs))} 0 0 0 0 0 0\n`;
  const each = cpu.total.perCpuMs.map((ms, n) => line(`cpu${n}`, ms, uptimeMs));
  const all = line("cpu ", cpu.total.sumMs, uptimeMs * machine.cpus);
  const bootSeconds = Math.floor((machine.clock.nowMs() - uptimeMs) / 1000);
  return `${all}${each.join("")}btime ${bootSeconds}\nprocesses ${machine.processes.all().length}\n`;
}

/** /proc/cpuinfo: how many there are. */
export const cpuInformation = (machine: Machine): string =>
  Array.from(
    { length: machine.cpus },
    (_, n) => `processor\t: ${n}\nmodel name\t: simulated\n\n`,
  ).join("");
