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

const kibibytes = (bytes: number): string => String(Math.round(bytes / 1024));

const COLUMNS: Readonly<Record<string, Column>> = {
  pid: { heading: "PID", cell: ({ pid }) => String(pid) },
  ppid: { heading: "PPID", cell: ({ parentPid }) => String(parentPid) },
  user: { heading: "USER", cell: userOf },
  uid: { heading: "UID", cell: ({ uid }) => String(uid) },
  comm: { heading: "COMMAND", cell: ({ command }) => command },
  args: { heading: "COMMAND", cell: commandLine },
  cmd: { heading: "CMD", cell: commandLine },
  time: { heading: "TIME", cell: ({ cpuMs }) => clock(cpuMs) },
  etime: { heading: "ELAPSED", cell: ({ startedMs }, { nowMs }) => clock(nowMs - startedMs) },
  stime: { heading: "STIME", cell: started },
  start: { heading: "START", cell: started },
  stat: { heading: "STAT", cell: ({ state }) => state },
  state: { heading: "S", cell: ({ state }) => state },
  tty: { heading: "TTY", cell: terminal },
  pcpu: { heading: "%CPU", cell: (process, view) => share(process, view).toFixed(1) },
  c: { heading: "C", cell: (process, view) => String(Math.trunc(share(process, view))) },
  rss: { heading: "RSS", cell: ({ residentBytes }) => kibibytes(residentBytes) },
  vsz: { heading: "VSZ", cell: ({ virtualBytes }) => kibibytes(virtualBytes) },
  nlwp: { heading: "NLWP", cell: ({ threads }) => String(threads) },
};

/** docker's own, those of `ps -ef`: there the user stands under UID. */
const FULL: readonly Column[] = [
  { heading: "UID", cell: userOf },
  ...["pid", "ppid", "c", "stime", "tty", "time", "cmd"].map((name) => COLUMNS[name]!),
];
const AUX = ["user", "pid", "pcpu", "vsz", "rss", "tty", "stat", "start", "time", "args"];

function named(name: string): Column {
  const [word = "", heading] = name.split("=");
  const column = Object.hasOwn(COLUMNS, word) ? COLUMNS[word] : undefined;
  if (column) return heading === undefined ? column : { ...column, heading };
  throw new FlagError(`unknown column ${word}: there are ${Object.keys(COLUMNS).join(", ")}`);
}

/** The columns that options of ps ask for. @throws FlagError for those that it does not know */
export function processColumns(words: readonly string[]): readonly Column[] {
  const [form = "-ef", ...rest] = words;
  if (form === "-ef" && rest.length === 0) return FULL;
  if (form === "aux" && rest.length === 0) return AUX.map(named);
  const [, attached] = /^-?e?o(.*)$/.exec(form) ?? [];
  const names = [attached, ...rest]
    .join(",")
    .split(/[,\s]+/)
    .filter(Boolean);
  if (attached !== undefined && names.length > 0) return names.map(named);
  throw new FlagError(
    `ps options ${words.join(" ")} are not known here: give -ef, aux, or -o COLUMN,…`,
  );
}
