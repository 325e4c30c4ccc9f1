// What a container's process finds, against what its configuration promised: the process looks at
// itself and at its root, prints what it sees in sections, and the sections are compared out here.

import { demand, type Made, type ValidationBench } from "./bench.ts";
import type { Config, ConfigDevice, ConfigMount, Mapping } from "./config.ts";

const LINKS: readonly (readonly [string, string])[] = [
  ["/dev/fd", "/proc/self/fd"],
  ["/dev/stdin", "/proc/self/fd/0"],
  ["/dev/stdout", "/proc/self/fd/1"],
  ["/dev/stderr", "/proc/self/fd/2"],
];

const DEFAULT_DEVICES: readonly ConfigDevice[] = [
  ...[
    ["null", 1, 3] as const,
    ["zero", 1, 5] as const,
    ["full", 1, 7] as const,
    ["random", 1, 8] as const,
    ["urandom", 1, 9] as const,
    ["tty", 5, 0] as const,
    ["ptmx", 5, 2] as const,
  ].map(([name, major, minor]) => ({ path: `/dev/${name}`, type: "c", major, minor })),
];

const FILE_SYSTEMS: readonly (readonly [string, string])[] = [
  ["/proc", "proc"],
  ["/sys", "sysfs"],
  ["/dev/pts", "devpts"],
  ["/dev/shm", "tmpfs"],
];

const LIMITS: Readonly<Record<string, string>> = {
  RLIMIT_AS: "Max address space",
  RLIMIT_CORE: "Max core file size",
  RLIMIT_CPU: "Max cpu time",
  RLIMIT_DATA: "Max data size",
  RLIMIT_FSIZE: "Max file size",
  RLIMIT_NOFILE: "Max open files",
  RLIMIT_STACK: "Max stack size",
};

/** Bits of capabilities in the order of linux/capability.h. */
const NAMES = [
  ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"],
  ...["SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"],
  ...["IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT"],
  ...["SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD"],
  ...["LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG"],
  ...["WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"],
];

/** The process's script: it prints, and judges nothing. */
export function lookAround({ linux }: Config): string {
  const see = (name: string, command: string) => `printf '\\n@@${name}\\n'; ${command} 2>&1`;
  const file = (name: string, path: string) => see(name, `cat ${path}`);
  const readable = (path: string) =>
    `if [ -d ${path} ]; then ls -A ${path}; elif [ -f ${path} ] || [ -c ${path} ]; then head -c 1 ${path}; fi`;
  const writable = (path: string) =>
    `if [ -d ${path} ]; then touch ${path}/.probe && echo written; elif [ -f ${path} ] || [ -c ${path} ]; then (echo x > ${path}) && echo written; fi`;
  const device = (path: string) => see(`device ${path}`, `stat -L -c '%F,%t,%T,%a,%u,%g' ${path}`);
  return [
    see("cwd", "readlink /proc/$$/cwd"),
    file("environment", "/proc/$$/environ"),
    file("arguments", "/proc/$$/cmdline"),
    file("status", "/proc/$$/status"),
    file("limits", "/proc/$$/limits"),
    file("mounts", "/proc/$$/mountinfo"),
    file("score", "/proc/$$/oom_score_adj"),
    file("uids", "/proc/$$/uid_map"),
    file("gids", "/proc/$$/gid_map"),
    see("umask", "umask"),
    see("hostname", "hostname"),
    see("root", "touch /.probe && echo written"),
    ...LINKS.map(([path]) => see(`link ${path}`, `readlink ${path}`)),
    ...[...DEFAULT_DEVICES, ...(linux.devices ?? [])].map(({ path }) => device(path)),
    ...(linux.maskedPaths ?? []).map((path) => see(`masked ${path}`, readable(path))),
    ...(linux.readonlyPaths ?? []).map((path) => see(`closed ${path}`, writable(path))),
    ...Object.keys(linux.sysctl ?? {}).map((name) =>
      file(`sysctl ${name}`, `/proc/sys/${name.replaceAll(".", "/")}`),
    ),
    "echo; echo @@end",
  ].join("\n");
}

type Sections = ReadonlyMap<string, string>;

function sectionsOf(output: string): Sections {
  const parts = output.split(/^@@/m).slice(1);
  return new Map(
    parts.map((part) => {
      const end = part.indexOf("\n");
      return [part.slice(0, end), part.slice(end + 1)] as const;
    }),
  );
}

function statusProblems({ process }: Config, status: string): string[] {
  if (!process) return [];
  const field = (name: string) =>
    (new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "").trim();
  const { user, capabilities } = process;
  const sets = { bounding: "Bnd", effective: "Eff", inheritable: "Inh", permitted: "Prm" } as const;
  const problems: string[] = [];
  const same = (what: string, found: unknown, wanted: unknown) => {
    if (String(found) !== String(wanted)) problems.push(`${what}: ${found}, not ${wanted}`);
  };
  same("uid", field("Uid").split(/\s+/)[0], user.uid);
  same("gid", field("Gid").split(/\s+/)[0], user.gid);
  const groups = field("Groups").split(/\s+/).map(Number);
  for (const gid of user.additionalGids ?? []) same(`group ${gid}`, groups.includes(gid), true);
  same("no new privileges", field("NoNewPrivs"), process.noNewPrivileges ? 1 : 0);
  for (const [set, short] of Object.entries({ ...sets, ambient: "Amb" })) {
    const mask = BigInt(`0x${field(`Cap${short}`)}`);
    const found = NAMES.filter((_, bit) => (mask >> BigInt(bit)) & 1n).map((n) => `CAP_${n}`);
    const wanted = capabilities[set as keyof typeof capabilities];
    same(`${set} capabilities`, found.sort(), [...wanted].sort());
  }
  return problems;
}

/** Each entry has its mount, and they stand in the order of the entries. */
function mountProblems(mounts: readonly ConfigMount[], text: string): string[] {
  const lines = text.split("\n").filter(Boolean);
  const found = lines.map((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [type, source] = right.split(" ");
    return { target: left.split(" ")[4], type, source };
  });
  let after = -1;
  const problems: string[] = [];
  for (const { destination, type, source } of mounts) {
    const at = found.findIndex(
      (one, i) =>
        i > after && one.target === destination && one.type === type && one.source === source,
    );
    if (at < 0) problems.push(`no mount of ${type} at ${destination} after those before it`);
    else after = at;
  }
  for (const [target, type] of FILE_SYSTEMS) {
    const last = found.findLast((one) => one.target === target);
    if (last?.type !== type) problems.push(`${target} is ${last?.type}, not ${type}`);
  }
  return problems;
}

const KINDS: Readonly<Record<string, string>> = {
  ...{
    c: "character special file",
    b: "block special file",
    p: "fifo",
    u: "character special file",
  },
};

function deviceProblems(device: ConfigDevice, line: string): string[] {
  const [kind, major, minor, mode, uid, gid] = line.trim().split(",");
  const { path, type, fileMode } = device;
  const numbers =
    type === "p" || (major === device.major.toString(16) && minor === device.minor.toString(16));
  const fits =
    kind === KINDS[type] &&
    numbers &&
    (fileMode === undefined || mode === fileMode.toString(8)) &&
    (device.uid === undefined || uid === String(device.uid)) &&
    (device.gid === undefined || gid === String(device.gid));
  return fits ? [] : [`${path} is ${line.trim()}`];
}

function limitProblems({ process }: Config, text: string): string[] {
  return (process?.rlimits ?? []).flatMap(({ type, soft, hard }) => {
    const name = LIMITS[type] as string;
    const line = text.split("\n").find((one) => one.startsWith(name)) ?? "";
    const [foundSoft, foundHard] = line.slice(name.length).trim().split(/\s+/);
    return foundSoft === String(soft) && foundHard === String(hard)
      ? []
      : [`${type} is ${foundSoft} ${foundHard}, not ${soft} ${hard}`];
  });
}

function mapProblems(what: string, wanted: readonly Mapping[] | undefined, text: string): string[] {
  if (!wanted) return [];
  const found = text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).join(" "));
  const lines = wanted.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`);
  return found.join() === lines.join() ? [] : [`${what}: ${found}, not ${lines}`];
}

/** What the sections say that the configuration does not. */
export function problemsInside(config: Config, output: string): string[] {
  const sections = sectionsOf(output);
  const at = (name: string): string => sections.get(name) ?? "";
  const { process, linux, root, hostname } = config;
  if (!process || !sections.has("end")) return [`the process did not come to its end: ${output}`];
  const problem = (wrong: boolean, text: string): string[] => (wrong ? [text] : []);
  const environment = at("environment").split("\0");
  const score = process.oomScoreAdj;
  const { umask } = process.user;
  return [
    ...problem(at("cwd").trim() !== process.cwd, `cwd: ${at("cwd")}`),
    ...process.env.flatMap((one) => problem(!environment.includes(one), `environment: no ${one}`)),
    ...problem(
      at("arguments").split("\0").slice(0, -1).join("\0") !== process.args.join("\0"),
      "other arguments",
    ),
    ...statusProblems(config, at("status")),
    ...limitProblems(config, at("limits")),
    ...mountProblems(config.mounts, at("mounts")),
    ...problem(score !== undefined && Number(at("score")) !== score, `score: ${at("score")}`),
    ...mapProblems("uid map", linux.uidMappings, at("uids")),
    ...mapProblems("gid map", linux.gidMappings, at("gids")),
    ...problem(umask !== undefined && parseInt(at("umask"), 8) !== umask, `umask: ${at("umask")}`),
    ...problem(
      Boolean(hostname) && at("hostname").trim() !== hostname,
      `hostname: ${at("hostname")}`,
    ),
    ...problem(Boolean(root.readonly) && at("root").includes("written"), "the root can be written"),
    ...LINKS.flatMap(([path, text]) => problem(at(`link ${path}`).trim() !== text, `link ${path}`)),
    ...[...DEFAULT_DEVICES, ...(linux.devices ?? [])].flatMap((one) =>
      deviceProblems(one, at(`device ${one.path}`)),
    ),
    ...(linux.maskedPaths ?? []).flatMap((path) =>
      problem(at(`masked ${path}`).trim() !== "", `${path} can be read: ${at(`masked ${path}`)}`),
    ),
    ...(linux.readonlyPaths ?? []).flatMap((path) =>
      problem(at(`closed ${path}`).includes("written"), `${path} can be written`),
    ),
    ...Object.entries(linux.sysctl ?? {}).flatMap(([name, value]) =>
      problem(at(`sysctl ${name}`).trim() !== value, `${name}: ${at(`sysctl ${name}`)}`),
    ),
  ];
}

export interface Look {
  readonly change?: (config: Config) => void;
  /** Changes the root before it is used. */
  readonly prepare?: (root: string) => void;
}

/** Runs a container to its end, and demands that it found what its configuration says. */
export async function foundInside(
  bench: ValidationBench,
  { change, prepare }: Look,
): Promise<void> {
  const made = bench.prepared("", change);
  prepare?.(made.bundle);
  const { process } = made.config;
  if (process) process.args = ["sh", "-c", lookAround(made.config)];
  bench.configure(made.bundle, made.config);
  const problems = problemsInside(made.config, await bench.lived(made));
  demand(problems.length === 0, problems.join("; "));
}

/** A container that is made is looked at from outside, and ended. */
export async function seenOutside(
  bench: ValidationBench,
  change: (config: Config) => void,
  look: (pid: number, made: Made) => void,
): Promise<void> {
  const made = bench.prepared("true", change);
  bench.create(made);
  try {
    look(bench.state(made.id)?.pid ?? 0, made);
  } finally {
    await bench.ended(made.id);
  }
}
