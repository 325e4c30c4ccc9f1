// One line for each operation: what a person reads in `nacre explain` and in an error.

import { RLIMITS } from "./become.ts";
import { capabilityNames } from "./capabilities.ts";
import { deviceFilterText } from "./device-filter-text.ts";
import type { Ownership } from "./explained.ts";
import type { MountCall, MountDescription } from "./mount-description.ts";
import type { Operation } from "./operation.ts";

const octal = (mode: number): string => mode.toString(8).padStart(4, "0");
const owned = (o: Ownership): string => `${octal(o.mode)} ${o.uid}:${o.gid}`;
const limitName = (resource: number): string =>
  RLIMITS[resource]?.toLowerCase() ?? `resource ${resource}`;
const quoted = (text: string): string => JSON.stringify(text.trimEnd());

/** What is said of a mount because of its call, and the system calls that it is. */
const MOUNT_CALLS: Readonly<Record<MountCall, { words: string; calls: string }>> = {
  context: { words: "", calls: "fsopen fsconfig fsmount move_mount" },
  loop: {
    words: ", each file through a loop device",
    calls: "ioctl(LOOP_CONFIGURE) fsopen fsconfig fsmount move_mount",
  },
  page: { words: ", all options in one call", calls: "open mount" },
};

function mounted(m: MountDescription, target: string): string {
  const words = [...m.attributes, ...m.options];
  const options = words.length > 0 ? ` (${shortened(words).join(",")})` : "";
  return `${m.type} at ${target}${options}${MOUNT_CALLS[m.call ?? "context"].words}`;
}

/** Forty `device=` options are one phrase. */
function shortened(words: readonly string[]): string[] {
  const kept: string[] = [];
  const counts = new Map<string, number>();
  for (const word of words) {
    const key = word.split("=", 1)[0]!;
    const seen = (counts.get(key) ?? 0) + 1;
    counts.set(key, seen);
    if (seen <= 2) kept.push(word);
  }
  for (const [key, count] of counts) if (count > 2) kept.push(`… ${count - 2} more ${key}`);
  return kept;
}

const powers = (mask: bigint): string => {
  const names = capabilityNames(mask).map((name) => name.slice("CAP_".length).toLowerCase());
  return names.length === 0 ? "none" : names.join(" ");
};

type Sentences = { readonly [N in Operation["op"]]: (o: Extract<Operation, { op: N }>) => string };

const SENTENCES: Sentences = {
  makeDirectory: (o) => `make directory ${o.path}, mode ${octal(o.mode)}`,
  removeDirectory: (o) => `remove directory ${o.path}${o.ifUnused ? " if it is empty" : ""}`,
  writeFile: (o) => `write ${quoted(o.data)} to ${o.path}`,
  createFile: (o) => `create file ${o.path}, mode ${octal(o.mode)}`,
  removeFile: (o) => `remove file ${o.path}`,
  makeCgroup: (o) => `make cgroup ${o.path}${o.shared ? " unless it is there" : ""}`,
  mount: (o) => `mount ${mounted(o.mount, o.target)}`,
  bind: (o) => `bind ${o.source} at ${o.target}${o.idmap ? ", with other owners" : ""}`,
  actAsOwner: (o) => `make files as user ${o.uid}, group ${o.gid}`,
  remount: (o) => `remount ${o.target} (${o.options.join(",")})`,
  unmount: (o) => `unmount ${o.target}`,
  shareMount: (o) => `share mount ${mounted(o.mount, o.target)}`,
  releaseMount: (o) => `release mount ${o.target}, and unmount it if nobody else needs it`,
  attachDeviceFilter: (o) =>
    `filter the devices of ${o.path} by a program of ${o.instructions.length / 8} instructions`,
  fail: (o) => (o.fatal ? "be killed" : `fail with errno ${o.errno}`),
  connectListener: (o) => `connect to ${o.path}, which decides on system calls`,
  runHook: (o) => `run the hook ${o.path}${o.by === "parent" ? " outside" : ""}`,
  joinCgroup: (o) => `put the child into ${o.path}`,
  killAfter: (o) => `kill the child after ${o.timeoutMs} ms`,
  writeProcessFile: (o) => `write ${quoted(o.data)} to the child's /proc file ${o.name}`,
  unshare: (o) => `leave the ${o.namespaces.join(", ")} namespace for a new one`,
  setPropagation: (o) => `make ${o.path} a ${o.recursive ? "recursively " : ""}${o.mode} mount`,
  openRoot: (o) => `open ${o.path} as the root`,
  mountInRoot: (o) =>
    `mount ${mounted(o.mount, o.target)}${o.copyUp ? ", with what it covers" : ""}`,
  bindInRoot: (o) => {
    const words = o.attributes.length > 0 ? ` (${o.attributes.join(",")})` : "";
    const within = o.subpath === undefined ? "" : ` (its ${o.subpath})`;
    const owners = o.idmap ? ", with other owners" : "";
    return `bind ${o.source}${within} at ${o.target}${words}${owners}`;
  },
  maskInRoot: (o) => `hide ${o.path}`,
  readOnlyInRoot: (o) => `make ${o.path} read-only`,
  enterRoot: (o) => (o.chroot ? "make the root / by chroot" : "make the root /"),
  setMountAttributes: (o) => {
    const words = [...o.attributes, ...(o.cleared ?? []).map((name) => `not ${name}`)];
    return `make ${o.path}${o.recursive ? " and all below it" : ""} ${words.join(",")}`;
  },
  setHostname: (o) => `set hostname ${o.name}`,
  setDomainname: (o) => `set domain name ${o.name}`,
  linkUp: (o) => `set interface ${o.name} up`,
  setSysctl: (o) => `set ${o.name} to ${quoted(o.value)}`,
  setLimit: (o) => `limit ${limitName(o.resource)} to ${o.soft} (hard ${o.hard})`,
  setUmask: (o) => `set umask ${octal(o.mask)}`,
  newSession: () => "begin a session of its own",
  openTerminal: () => "open a terminal as standard input, output and error",
  boundCapabilities: (o) => `bound capabilities to: ${powers(o.bounding)}`,
  setUser: (o) => {
    if (o.keepsGroups) return `become user ${o.uid}, group ${o.gid}, and keep other groups`;
    const groups = o.groups.length > 0 ? `, groups ${o.groups.join(" ")}` : "";
    return `become user ${o.uid}, group ${o.gid}${groups}`;
  },
  setCapabilities: (o) => `keep capabilities: ${powers(o.effective)}`,
  noNewPrivileges: () => "give up gaining privileges",
  filterSystemCalls: (o) => `filter system calls, by ${o.filter.length / 8} instructions`,
  changeDirectory: (o) => `go to ${o.path}${o.mustExist ? ", which must be there" : ""}`,
  writeOwnFile: (o) => `write ${quoted(o.data)} to its own /proc file ${o.name}`,
  joinSessionKeyring: (o) => `have the session keyring ${o.name}`,
  setPersonality: (o) => `take the personality 0x${o.persona.toString(16)}`,
  setMemoryPolicy: (o) => `take memory by policy ${o.mode} from nodes ${o.nodes.join(" ")}`,
  setIoPriority: (o) => `set I/O priority ${o.priority} of class ${o.class}`,
  setScheduler: (o) => `be scheduled by policy ${o.policy}`,
  findProgram: (o) => `look for ${o.arguments[0] ?? "no program"}`,
  awaitStart: () => "wait for the start",
  stayAsInit: () => "stay as the init of what follows",
  enterTimeNamespace: () => "enter the time namespace that was made",
  execute: (o) =>
    `execute ${o.arguments.map((a) => (/^[\w@%+=:,./-]+$/.test(a) ? a : JSON.stringify(a))).join(" ")}`,
  placeDirectory: (o) => `place directory ${o.path}, ${owned(o)}`,
  placeFile: (o) => `place file ${o.path}, ${owned(o)}`,
  placeText: (o) => `write file ${o.path}, ${owned(o)}`,
  placeSymlink: (o) => `place symlink ${o.path} → ${o.text}`,
  placeHardLink: (o) => `link ${o.path} to ${o.existing}`,
  placeNode: (o) => `make ${o.type} device ${o.path} ${o.major}:${o.minor}, ${owned(o)}`,
  placeAttribute: (o) => `set attribute ${o.name} of ${o.path}`,
  placeTimes: (o) => `set time of ${o.path}`,
};

/** The operation in a few words, without its reason. */
export function describe(operation: Operation): string {
  return (SENTENCES[operation.op] as (o: Operation) => string)(operation);
}

/** What an operation carries that is a program itself, line by line. */
export function listing(operation: Operation): readonly string[] {
  return operation.op === "attachDeviceFilter" ? deviceFilterText(operation.instructions) : [];
}

/** The system calls behind an operation, for people who want to look them up. */
export function systemCalls(operation: Operation): string {
  const before = SYSTEM_CALLS[operation.op];
  if (!("mount" in operation)) return before;
  return `${before} ${MOUNT_CALLS[operation.mount.call ?? "context"].calls}`.trimStart();
}

/** Those of a mount come behind. */
const SYSTEM_CALLS: { readonly [N in Operation["op"]]: string } = {
  makeDirectory: "mkdir",
  removeDirectory: "rmdir",
  writeFile: "open write",
  createFile: "open write",
  removeFile: "unlink",
  makeCgroup: "mkdir",
  mount: "",
  bind: "open_tree mount_setattr move_mount",
  actAsOwner: "prctl(PR_SET_SECUREBITS) setfsgid setfsuid",
  remount: "fspick fsconfig",
  unmount: "umount2",
  shareMount: "flock",
  releaseMount: "flock umount2",
  attachDeviceFilter: "bpf(BPF_PROG_LOAD) bpf(BPF_PROG_QUERY) bpf(BPF_PROG_ATTACH)",
  fail: "none",
  connectListener: "socket connect sendmsg",
  runHook: "fork execve waitid",
  joinCgroup: "write",
  killAfter: "setitimer pidfd_send_signal",
  writeProcessFile: "write",
  unshare: "unshare",
  setPropagation: "mount_setattr",
  openRoot: "open",
  mountInRoot: "openat2",
  bindInRoot: "open_tree mount_setattr openat2 move_mount",
  maskInRoot: "openat2 open_tree move_mount",
  readOnlyInRoot: "openat2 open_tree mount_setattr move_mount",
  enterRoot: "fchdir pivot_root umount2",
  setMountAttributes: "mount_setattr",
  setHostname: "sethostname",
  setDomainname: "setdomainname",
  linkUp: "ioctl(SIOCSIFFLAGS)",
  setSysctl: "open write",
  setLimit: "prlimit",
  setUmask: "umask",
  newSession: "setsid",
  openTerminal: "openat2 ioctl(TIOCSCTTY) dup2",
  boundCapabilities: "prctl(PR_CAPBSET_DROP)",
  setUser: "setgroups setresgid setresuid",
  setCapabilities: "capset",
  noNewPrivileges: "prctl(PR_SET_NO_NEW_PRIVS)",
  filterSystemCalls: "seccomp(SECCOMP_SET_MODE_FILTER)",
  changeDirectory: "chdir",
  writeOwnFile: "openat write",
  joinSessionKeyring: "keyctl(KEYCTL_JOIN_SESSION_KEYRING) keyctl(KEYCTL_SETPERM)",
  setPersonality: "personality",
  setMemoryPolicy: "set_mempolicy",
  setIoPriority: "ioprio_set",
  setScheduler: "sched_setattr",
  findProgram: "faccessat",
  awaitStart: "accept",
  stayAsInit: "fork setpgid execveat sigwaitinfo waitpid",
  enterTimeNamespace: "setns",
  execute: "close_range execve",
  placeDirectory: "mkdirat fchown fchmod",
  placeFile: "openat2 copy_file_range fchown fchmod",
  placeText: "openat2 write fchown fchmod",
  placeSymlink: "symlinkat fchownat",
  placeHardLink: "linkat",
  placeNode: "mknodat fchownat fchmodat",
  placeAttribute: "lsetxattr",
  placeTimes: "utimensat",
};
