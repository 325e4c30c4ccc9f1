// What `top` shows of processes: the columns of ps(1), by the two forms that everybody types and
// by `-o`.

import type { ProcessListing } from "@nacre/engine/engine.ts";
import { FlagError } from "../flag-error.ts";

/** What a column must know beside the process. */
export interface ProcessView {
  readonly nowMs: number;
  /** A user's name on this machine, undefined if it has none. */
  readonly userName: (uid: number) => string | undefined;
}

interface Column {
  readonly heading: string;
  readonly cell: (process: ProcessListing, view: ProcessView) => string;
}

const pad = (n: number): string => String(Math.trunc(n)).padStart(2, "0");

/** `[DD-]HH:MM:SS`. */
function clock(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  const days = Math.trunc(seconds / 86_400);
  const rest = `${pad((seconds / 3600) % 24)}:${pad((seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return days > 0 ? `${days}-${rest}` : rest;
}

/** As ps has it: the time of today, the day of this year, the year. */
function started({ startedMs }: ProcessListing, { nowMs }: ProcessView): string {
  const [then, now] = [new Date(startedMs), new Date(nowMs)];
  if (then.toDateString() === now.toDateString()) {
    return `${pad(then.getHours())}:${pad(then.getMinutes())}`;
  }
  if (then.getFullYear() !== now.getFullYear()) return String(then.getFullYear());
  return `${then.toDateString().slice(4, 7)}${pad(then.getDate())}`;
}

/** The number of a terminal as the kernel packs it: minor in the low and high bits, major between. */
function terminal({ terminal: device }: ProcessListing): string {
  if (device === 0) return "?";
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  return major >= 136 && major < 144 ? `pts/${minor + (major - 136) * 256}` : `${major}:${minor}`;
}

const commandLine = ({ arguments: words, command }: ProcessListing): string =>
  words.length > 0 ? words.join(" ") : `[${command}]`;

const userOf = ({ uid }: ProcessListing, { userName }: ProcessView): string =>
  userName(uid) ?? String(uid);

function share({ cpuMs, startedMs }: ProcessListing, { nowMs }: ProcessView): number {
  return nowMs > startedMs ? (cpuMs / (nowMs - startedMs)) * 100 : 0;
}

/** Cut, not rounded. */
const tenths = (percent: number): string => (Math.trunc(percent * 10) / 10).toFixed(1);

/** Without hours where there are none, as ps has it. */
const elapsed = (ms: number): string => clock(ms).replace(/^00:(?=\d\d:\d\d$)/, "");

const kibibytes = (bytes: number): string => String(Math.round(bytes / 1024));

/** As ps has it: the state, niceness, leader of a session, several threads, in the foreground. */
function status({ state, nice, pid, session, threads, ...of }: ProcessListing): string {
  const bent = nice < 0 ? "<" : nice > 0 ? "N" : "";
  const leads = session === pid ? "s" : "";
  return `${state}${bent}${leads}${threads > 1 ? "l" : ""}${of.foreground === of.group ? "+" : ""}`;
}

/** `M:SS`, as BSD has it. */
function shortClock(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  return `${Math.trunc(seconds / 60)}:${pad(seconds % 60)}`;
}

/** `Fri Nov 27 03:28:15 2026` */
function startedAt({ startedMs }: ProcessListing): string {
  const then = new Date(startedMs);
  const day = `${then.toDateString().slice(0, 8)}${String(then.getDate()).padStart(2)}`;
  return `${day} ${then.toTimeString().slice(0, 8)} ${then.getFullYear()}`;
}

const number = (of: (process: ProcessListing) => number) => (process: ProcessListing) =>
  String(of(process));

const COLUMNS: Readonly<Record<string, Column>> = {
  pid: { heading: "PID", cell: number(({ pid }) => pid) },
  ppid: { heading: "PPID", cell: number(({ parentPid }) => parentPid) },
  pgid: { heading: "PGID", cell: number(({ group }) => group) },
  sid: { heading: "SID", cell: number(({ session }) => session) },
  user: { heading: "USER", cell: userOf },
  uid: { heading: "UID", cell: number(({ uid }) => uid) },
  gid: { heading: "GID", cell: number(({ gid }) => gid) },
  comm: { heading: "COMMAND", cell: ({ command }) => command },
  args: { heading: "COMMAND", cell: commandLine },
  cmd: { heading: "CMD", cell: commandLine },
  time: { heading: "TIME", cell: ({ cpuMs }) => clock(cpuMs) },
  bsdtime: { heading: "TIME", cell: ({ cpuMs }) => shortClock(cpuMs) },
  etime: { heading: "ELAPSED", cell: ({ startedMs }, { nowMs }) => elapsed(nowMs - startedMs) },
  etimes: {
    heading: "ELAPSED",
    cell: ({ startedMs }, { nowMs }) => String(Math.trunc((nowMs - startedMs) / 1000)),
  },
  stime: { heading: "STIME", cell: started },
  start: { heading: "START", cell: started },
  lstart: { heading: "STARTED", cell: startedAt },
  stat: { heading: "STAT", cell: status },
  state: { heading: "S", cell: ({ state }) => state },
  tty: { heading: "TTY", cell: terminal },
  pcpu: { heading: "%CPU", cell: (process, view) => share(process, view).toFixed(1) },
  pmem: { heading: "%MEM", cell: ({ residentPercent }) => tenths(residentPercent) },
  c: { heading: "C", cell: (process, view) => String(Math.trunc(share(process, view))) },
  rss: { heading: "RSS", cell: ({ residentBytes }) => kibibytes(residentBytes) },
  vsz: { heading: "VSZ", cell: ({ virtualBytes }) => kibibytes(virtualBytes) },
  nlwp: { heading: "NLWP", cell: number(({ threads }) => threads) },
  ni: { heading: "NI", cell: number(({ nice }) => nice) },
  pri: { heading: "PRI", cell: number(({ priority }) => 39 - priority) },
  psr: { heading: "PSR", cell: number(({ processor }) => processor) },
};

/** Other names of the same, in ps(1). */
const SAME: Readonly<Record<string, string>> = {
  ...{ "%cpu": "pcpu", "%mem": "pmem", command: "args", ucmd: "comm", s: "state" },
  ...{ euser: "user", uname: "user", euid: "uid", egid: "gid", pgrp: "pgid", sess: "sid" },
  ...{ session: "sid", cputime: "time", rssize: "rss", rsz: "rss", vsize: "vsz" },
  ...{ thcount: "nlwp", nice: "ni", tt: "tty", tname: "tty", start_time: "stime" },
};

/** docker's own, those of `ps -ef`: there the user stands under UID. */
const FULL: readonly Column[] = [
  { heading: "UID", cell: userOf },
  ...["pid", "ppid", "c", "stime", "tty", "time", "cmd"].map((name) => COLUMNS[name]!),
];
const AUX = [
  ...["user", "pid", "pcpu", "pmem", "vsz", "rss", "tty", "stat", "start", "bsdtime", "args"],
];
/** Whole answers by what is typed for them. */
const FORMS: Readonly<Record<string, readonly string[]>> = {
  ...{ aux: AUX, "-aux": AUX, auxww: AUX, auxw: AUX },
  ...{ ax: ["pid", "tty", "stat", "bsdtime", "args"] },
  ...{ "-e": ["pid", "tty", "time", "comm=CMD"], "-A": ["pid", "tty", "time", "comm=CMD"] },
};

function named(name: string): Column {
  const [asked = "", heading] = name.split("=");
  const word = (Object.hasOwn(SAME, asked) && SAME[asked]) || asked;
  const column = Object.hasOwn(COLUMNS, word) ? COLUMNS[word] : undefined;
  if (column) return heading === undefined ? column : { ...column, heading };
  throw new FlagError(`unknown column ${asked}: there are ${Object.keys(COLUMNS).join(", ")}`);
}

/** The columns that options of ps ask for. @throws FlagError for those that it does not know */
export function processColumns(words: readonly string[]): readonly Column[] {
  const [form = "-ef", ...rest] = words;
  if (form === "-ef" && rest.length === 0) return FULL;
  if (rest.length === 0 && Object.hasOwn(FORMS, form)) return FORMS[form]!.map(named);
  const [, attached] = /^-?[eaxA]*o(.*)$/.exec(form) ?? [];
  const names = [attached, ...rest]
    .join(",")
    .split(/[,\s]+/)
    .filter(Boolean);
  if (attached !== undefined && names.length > 0) return names.map(named);
  throw new FlagError(
    `ps options ${words.join(" ")} are not known here: give -ef, aux, ax, -e, or -o COLUMN,…`,
  );
}
