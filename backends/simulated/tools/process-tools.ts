// Tools on processes, users and the machine. What they know of processes they read in /proc, as
// everywhere.

import { parseCpusetList } from "@nacre/core/cpuset-list.ts";
import { errnoOf } from "../errno.ts";
import { errorText } from "../error-text.ts";
import type { ProgramContext } from "../program.ts";
import { kill as killAll } from "../shell/job-builtins.ts";
import { parseOptions, UsageFault } from "./options.ts";
import { accounts, tool } from "./tool.ts";

export const kill = tool(async (context) => {
  const { code, text } = killAll(context, context.arguments.slice(1));
  await (code === 0 ? context.stdout : context.stderr).write(text);
  return code;
});

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  readonly state: string;
  readonly command: string;
  readonly words: string;
}

function rows({ files }: ProgramContext): Row[] {
  const pids = files
    .list("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids
    .sort((a, b) => a - b)
    .flatMap((pid) => {
      try {
        const status = files.readText(`/proc/${pid}/status`);
        const field = (name: string): string =>
          new RegExp(`^${name}:\\t(\\S+)`, "m").exec(status)?.[1] ?? "";
        const words = files
          .readText(`/proc/${pid}/cmdline`)
          .replace(/\0$/, "")
          .replaceAll("\0", " ");
        const command = field("Name");
        return [
          {
            pid,
            parent: Number(field("PPid")),
            uid: Number(field("Uid")),
            state: field("State"),
            command,
            words: words || `[${command}]`,
          },
        ];
      } catch (error) {
        if (errnoOf(error) === undefined) throw error;
        return []; // it has ended meanwhile
      }
    });
}

/** All processes of its pid namespace, in any of the usual forms: `ps`, `ps aux`, `ps -ef`, `-o`. */
export const ps = tool(async (context) => {
  const users = accounts(context, "passwd");
  const words = context.arguments.slice(1);
  const at = words.indexOf("-o");
  const wanted =
    at >= 0
      ? (words[at + 1] ?? "")
      : words.includes("-ef")
        ? "user,pid,ppid,stat,args"
        : "pid,user,stat,args";
  const cells: Readonly<Record<string, (row: Row) => string>> = {
    pid: ({ pid }) => String(pid),
    ppid: ({ parent }) => String(parent),
    user: ({ uid }) => users.name(uid),
    uid: ({ uid }) => String(uid),
    stat: ({ state }) => state,
    comm: ({ command }) => command,
    args: (row) => row.words,
    cmd: (row) => row.words,
  };
  const columns = wanted.split(",").map((one) => one.split("=") as [string, string?]);
  for (const [name] of columns) {
    if (!cells[name]) throw new UsageFault(`unknown user-defined format specifier "${name}"`);
  }
  const table = [
    columns.map(([name, title]) => title ?? (name === "args" ? "COMMAND" : name.toUpperCase())),
    ...rows(context).map((row) => columns.map(([name]) => cells[name]?.(row) ?? "")),
  ];
  const widths = columns.map((_, i) => Math.max(...table.map((line) => line[i]?.length ?? 0)));
  const shown = table.map((line) =>
    line.map((cell, i) => (i === line.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join(" "),
  );
  const silent = columns.every(([, title]) => title === "");
  await context.stdout.write(
    shown
      .slice(silent ? 1 : 0)
      .map((line) => `${line}\n`)
      .join(""),
  );
});

export const id = tool(async (context) => {
  const { flags } = parseOptions(context.arguments.slice(1), "ugGnr");
  const { uid, gid, groups } = context.credentials;
  const [users, names] = [accounts(context, "passwd"), accounts(context, "group")];
  const all = [...new Set([gid, ...groups])];
  const named = flags.has("n");
  const text = flags.has("u")
    ? named
      ? users.name(uid)
      : String(uid)
    : flags.has("g")
      ? named
        ? names.name(gid)
        : String(gid)
      : flags.has("G")
        ? all.map((one) => (named ? names.name(one) : String(one))).join(" ")
        : [
            `uid=${uid}${bracketed(users.name(uid), uid)}`,
            `gid=${gid}${bracketed(names.name(gid), gid)}`,
            `groups=${all.map((one) => `${one}${bracketed(names.name(one), one)}`).join(",")}`,
          ].join(" ");
  await context.stdout.write(`${text}\n`);
});

const bracketed = (name: string, number: number): string =>
  name === String(number) ? "" : `(${name})`;

export const whoami = tool((context) =>
  context.stdout.write(`${accounts(context, "passwd").name(context.credentials.uid)}\n`),
);

export const groups = tool((context) => {
  const { gid, groups: more } = context.credentials;
  const names = [...new Set([gid, ...more])].map((one) => accounts(context, "group").name(one));
  return context.stdout.write(`${names.join(" ")}\n`);
});

export const uname = tool((context) => {
  const { flags } = parseOptions(context.arguments.slice(1), "asnrvmpio", "", { all: "a" });
  const { system, node, release, version, machine } = context.system.name();
  const fields = { s: system, n: node, r: release, v: version, m: machine, o: "GNU/Linux" };
  const wanted = flags.has("a")
    ? "snrvmo"
    : flags.size === 0
      ? "s"
      : [..."snrvmo"].filter((f) => flags.has(f)).join("");
  const shown = [...wanted].map((letter) => fields[letter as keyof typeof fields]);
  return context.stdout.write(`${shown.join(" ")}\n`);
});

export const hostname = tool(async (context) => {
  const [name] = parseOptions(context.arguments.slice(1), "sfi").operands;
  if (name === undefined) await context.stdout.write(`${context.system.name().node}\n`);
  else context.system.setHostname(name);
});

/** Those of its cpuset. */
export const nproc = tool((context) => {
  const status = context.files.readText("/proc/self/status");
  const [, list = "0"] = /^Cpus_allowed_list:\s*(.*)$/m.exec(status) ?? [];
  return context.stdout.write(`${parseCpusetList(list).length}\n`);
});

const two = (value: number): string => String(value).padStart(2, "0");
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const MONTHS =
  "January February March April May June July August September October November December".split(
    " ",
  );

function formatted(format: string, at: Date): string {
  const [day, month] = [DAYS[at.getUTCDay()] ?? "", MONTHS[at.getUTCMonth()] ?? ""];
  const fields: Readonly<Record<string, () => string>> = {
    Y: () => String(at.getUTCFullYear()),
    y: () => two(at.getUTCFullYear() % 100),
    m: () => two(at.getUTCMonth() + 1),
    d: () => two(at.getUTCDate()),
    e: () => String(at.getUTCDate()).padStart(2),
    H: () => two(at.getUTCHours()),
    M: () => two(at.getUTCMinutes()),
    S: () => two(at.getUTCSeconds()),
    N: () => String(at.getUTCMilliseconds() * 1e6).padStart(9, "0"),
    s: () => String(Math.floor(at.getTime() / 1000)),
    a: () => day.slice(0, 3),
    A: () => day,
    b: () => month.slice(0, 3),
    B: () => month,
    Z: () => "UTC",
    z: () => "+0000",
    F: () => formatted("%Y-%m-%d", at),
    T: () => formatted("%H:%M:%S", at),
    R: () => formatted("%H:%M", at),
    n: () => "\n",
    "%": () => "%",
  };
  return format.replace(/%([a-zA-Z%])/g, (whole, letter) => fields[letter]?.() ?? whole);
}

/** On the machine's clock, in UTC. */
export const date = tool((context) => {
  const { flags, values, operands } = parseOptions(context.arguments.slice(1), "uR", "dI", {
    utc: "u",
    date: "d",
    "iso-8601": "I",
  });
  const given = values.get("d");
  const ms =
    given === undefined || given === "now"
      ? context.nowMs()
      : given.startsWith("@")
        ? Number(given.slice(1)) * 1000
        : Date.parse(given);
  if (Number.isNaN(ms)) throw new UsageFault(`invalid date '${given}'`);
  const format =
    operands[0]?.replace(/^\+/, "") ??
    (flags.has("R") ? "%a, %d %b %Y %T %z" : "%a %b %e %T %Z %Y");
  return context.stdout.write(`${formatted(format, new Date(ms))}\n`);
});

/** Executes a command in this process's place, or says why not: 127, 126. */
async function become(
  context: ProgramContext,
  command: readonly string[],
  environment = context.environment,
): Promise<number> {
  try {
    return await context.execute(command, { environment });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    await context.stderr.write(`${context.arguments[0]}: ${command[0]}: ${errorText(error)}\n`);
    return errno === "ENOENT" ? 127 : 126;
  }
}

export const env = tool(async (context) => {
  const words = context.arguments.slice(1);
  const environment: Record<string, string> = { ...context.environment };
  for (let word = words[0]; word !== undefined; word = words[0]) {
    if (word === "-i" || word === "-")
      for (const name of Object.keys(environment)) delete environment[name];
    else if (word === "-u") delete environment[words.splice(1, 1)[0] ?? ""];
    else if (/^[^=]+=/.test(word)) {
      const [name = "", value = ""] = word.split(/=(.*)/s, 2);
      environment[name] = value;
    } else break;
    words.shift();
  }
  if (words.length > 0) return become(context, words, environment);
  await context.stdout.write(
    Object.entries(environment)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  return 0;
});

export const printenv = tool(async (context) => {
  const names = context.arguments.slice(1);
  if (names.length === 0) {
    await context.stdout.write(
      Object.entries(context.environment)
        .map(([n, v]) => `${n}=${v}\n`)
        .join(""),
    );
    return 0;
  }
  const found = names.filter((name) => context.environment[name] !== undefined);
  await context.stdout.write(found.map((name) => `${context.environment[name]}\n`).join(""));
  return found.length === names.length ? 0 : 1;
});

export const nohup = tool((context) => {
  context.handle("HUP", "ignore");
  return become(context, context.arguments.slice(1));
});

/** `timeout [-s SIGNAL] [-k TIME] DURATION COMMAND…`: 124 when the time was up. */
export const timeout = tool(async (context) => {
  const words = context.arguments.slice(1);
  let signal = "TERM";
  while (/^-/.test(words[0] ?? "")) {
    const [, flag, value] = /^-([sk])(.*)$/.exec(words.shift() ?? "") ?? [];
    const given = value || words.shift();
    if (flag === "s") signal = given ?? signal;
  }
  const [duration = "", ...command] = words;
  const [, number, unit = "s"] = /^(\d+\.?\d*)([smhd]?)$/.exec(duration) ?? [];
  if (number === undefined) throw new UsageFault(`invalid time interval '${duration}'`);
  const scale = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 }[unit] ?? 1e3;
  let code: number;
  try {
    const child = await context.spawn(command);
    const late = context.sleep(Number(number) * scale).then(() => "late" as const);
    late.catch(() => {}); // this process has ended: nobody is late any more
    const first = await Promise.race([child.exited, late]);
    if (first !== "late") context.exit(first);
    killAll(context, [`-${signal}`, String(child.pid)]);
    await child.exited;
    code = signal === "KILL" || signal === "9" ? 137 : 124;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    await context.stderr.write(`timeout: ${command[0]}: ${errorText(error)}\n`);
    code = errno === "ENOENT" ? 127 : 126;
  }
  return code;
});

/** `xargs [-0r] [-n MOST] [-I MARK] [COMMAND…]`. */
export const xargs = tool(async (context) => {
  const words = context.arguments.slice(1);
  const options: string[] = [];
  while (/^-/.test(words[0] ?? "")) {
    const word = words.shift() as string;
    options.push(word);
    if (/^-[nIPL]$/.test(word)) options.push(words.shift() ?? "");
  }
  const { flags, values } = parseOptions(options, "0rtx", "nIPL", {
    null: "0",
    "no-run-if-empty": "r",
  });
  const command = words.length > 0 ? words : ["echo"];
  const mark = values.get("I");
  const text = await context.stdin.text();
  const separator = flags.has("0") ? "\0" : mark !== undefined ? "\n" : /\s+/;
  const items = text.split(separator).filter((item) => item !== "");
  const most = mark !== undefined ? 1 : Number(values.get("n") ?? Math.max(1, items.length));
  if (items.length === 0 && (flags.has("r") || mark !== undefined)) return 0;
  let code = 0;
  for (let at = 0; at < Math.max(1, items.length); at += most) {
    const batch = items.slice(at, at + most);
    const line =
      mark === undefined
        ? [...command, ...batch]
        : command.map((word) => word.replaceAll(mark, batch[0] ?? ""));
    const child = await context.spawn(line);
    if ((await child.exited) !== 0) code = 123;
  }
  return code;
});
