// A program of system calls, as both kernels run it: steps of up to eight processes ("actors"), one
// after the other. The first actor is process 1 of a pid namespace whose tree is an empty tmpfs with
// /proc in it, and with its own cgroups at /cg where the program asks for them.

export type Word = string | number;

export interface Step {
  readonly actor: number;
  readonly call: string;
  readonly words: readonly Word[];
}

export interface StepProgram {
  readonly cgroups: boolean;
  /** With a program to execute, /p. */
  readonly probe?: boolean;
  readonly steps: readonly Step[];
}

export const MOST_ACTORS = 8;

/** Flags by their C names, so that a program reads as its manual does. */
export const FLAGS = {
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_TRUNC: 0o1000,
  O_APPEND: 0o2000,
  O_DIRECTORY: 0o200000,
  O_NOFOLLOW: 0o400000,
  O_PATH: 0o10000000,
  S_IFREG: 0o100000,
  S_IFCHR: 0o020000,
  S_IFIFO: 0o010000,
  S_IFDIR: 0o040000,
  CLONE_NEWTIME: 0x80,
  CLONE_NEWNS: 0x20000,
  CLONE_NEWCGROUP: 0x2000000,
  CLONE_NEWUTS: 0x4000000,
  CLONE_NEWIPC: 0x8000000,
  CLONE_NEWUSER: 0x10000000,
  CLONE_NEWPID: 0x20000000,
  CLONE_NEWNET: 0x40000000,
  MS_RDONLY: 1,
  MS_NOSUID: 2,
  MS_NODEV: 4,
  MS_NOEXEC: 8,
  MS_REMOUNT: 32,
  MS_NOSYMFOLLOW: 256,
  MS_NOATIME: 1024,
  MS_BIND: 4096,
  MS_MOVE: 8192,
  MS_REC: 16384,
  MS_UNBINDABLE: 1 << 17,
  MS_PRIVATE: 1 << 18,
  MS_SLAVE: 1 << 19,
  MS_SHARED: 1 << 20,
  MNT_DETACH: 2,
  UMOUNT_NOFOLLOW: 8,
  WUNTRACED: 2,
  WEXITED: 4,
  WCONTINUED: 8,
  AT_EACCESS: 0x200,
  POLLIN: 1,
  POLLOUT: 4,
  PIDFD_NONBLOCK: 0o4000,
  PIDFD_SIGNAL_PROCESS_GROUP: 4,
  XATTR_CREATE: 1,
  XATTR_REPLACE: 2,
} as const;

export type Flag = keyof typeof FLAGS;

const isFlags = (text: string): boolean => text.split("|").every((name) => name in FLAGS);

/** What the kernel is handed: flags as their number, everything else as it stands. */
export function argument(word: Word): string {
  if (typeof word === "number") return String(word);
  if (!isFlags(word)) return word;
  return String(word.split("|").reduce((sum, name) => sum | FLAGS[name as Flag], 0));
}

export function shown({ actor, call, words }: Step): string {
  const values = words.map((word) => {
    if (typeof word === "number" || isFlags(word)) return String(word);
    return JSON.stringify(word.length > 60 ? `${word.slice(0, 50)}…(${word.length})` : word);
  });
  return `${actor}: ${call}(${values.join(", ")})`;
}

export const step = (actor: number, call: string, ...words: Word[]): Step => ({
  actor,
  call,
  words,
});

/** Fields of /proc/PID/status that say the same on every machine. */
const STATUS =
  /^(State|PPid|NSpid|Uid|Gid|Groups|NoNewPrivs|Cap\w+|ShdPnd|SigBlk|SigIgn|SigCgt|Umask|Pid):\t?\s*(.*?)\s*$/;

/** Whether a process happens to run or to sleep is chance. */
const stateLetter = (value = ""): string => value.slice(0, 1).replace(/[RD]/, "S");

/** What was pending for a process that has ended depends on how far it got. */
const withoutPending = (text: string): string =>
  /^State:\tZ/m.test(text) ? text.replace(/^ShdPnd:.*$/m, "") : text;

function statusFields(text: string): string {
  return withoutPending(text)
    .split("\n")
    .map((line) => STATUS.exec(line))
    .filter((parts) => parts !== null)
    .map(([, name, value]) => `${name} ${name === "State" ? stateLetter(value) : value}`)
    .sort()
    .join("; ");
}

/**
 * `- type` and whether it can be written; options of file systems differ, and sources, but those with
 * something escaped.
 */
function mountLine(line: string): string {
  const fields = line.split(" ");
  const end = fields.indexOf("-");
  const [id, parent, device, ...rest] = fields.slice(0, end);
  const [type, source = "", options = ""] = fields.slice(end + 1);
  const shownSource = source.includes("\\") ? [source] : [];
  const all = [...rest, type, ...shownSource, options.split(",")[0]];
  return [`m${id}`, `m${parent}`, `d${device}`, ...all].join(" ");
}

/**
 * A result without what only names things: numbers of mounts, groups, devices and namespaces become
 * the order in which the program has met them.
 */
export class Canonical {
  readonly #known = new Map<string, string>();

  #name(kind: string, value: string): string {
    const key = `${kind}${value}`;
    const known = this.#known.get(key);
    if (known) return known;
    const sameKind = [...this.#known.keys()].filter((one) => one.startsWith(kind)).length;
    const made = `${kind}${sameKind + 1}`;
    this.#known.set(key, made);
    return made;
  }

  of({ call, words }: Step, result: string): string {
    if (!result.startsWith("= ")) return result;
    const [path] = words;
    if (call === "list" && result.includes(" thread-self ")) return processNames(result);
    if (call !== "get" && call !== "readlink") return result;
    if (String(path).endsWith("/status")) return `= ${statusFields(result.slice(2))}`;
    let text = result;
    if (String(path).endsWith("/mountinfo")) {
      text = result
        .slice(2)
        .split("\n")
        .filter((line) => line !== "")
        .map(mountLine)
        .join("\n");
    }
    if (String(path).endsWith("/cgroup")) text = cgroupLines(text);
    return text
      .replace(/\bm(\d+) m(\d+) d\d+:(\d+)/g, (_, id, parent, device) =>
        [
          this.#name("mount ", id),
          this.#name("mount ", parent),
          this.#name("device ", device),
        ].join(" on "),
      )
      .replace(/\b(shared|master):(\d+)/g, (_, kind, id) => `${kind}:${this.#name("group ", id)}`)
      .replace(/\b(\w+):\[(\d+)\]/g, (_, kind, id) => `${kind}:${this.#name(`${kind} `, id)}`);
  }
}

/** Of a whole procfs only the processes: what else is in it depends on the machine. */
const processNames = (result: string): string =>
  result
    .split(" ")
    .filter((name) => /^\d+$/.test(name))
    .join(" ");

/** Only the two hierarchies that programs change; numbers of hierarchies differ. */
function cgroupLines(text: string): string {
  return text
    .split("\n")
    .map((line) => line.replace(/^(= )?\d+:/, ""))
    .filter((line) => /^(pids|cpu):/.test(line))
    .sort()
    .join(" ");
}
