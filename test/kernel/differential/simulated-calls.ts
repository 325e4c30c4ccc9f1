// Each system call that a step can be, made by a simulated process. The counterpart of actor.c:
// the same arguments, and the same words about what came of it.

import type { MountAttribute } from "@nacre/core/program/mount-description.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import * as attributes from "@nacre/simulated/attribute-calls.ts";
import * as descriptors from "@nacre/simulated/descriptor-calls.ts";
import { fail } from "@nacre/simulated/errno.ts";
import * as files from "@nacre/simulated/file-calls.ts";
import { type Inode, type InodeKind, MODE_TYPES } from "@nacre/simulated/inode.ts";
import { workingDirectory } from "@nacre/simulated/mount.ts";
import { pivotRoot, requireAdministrator, unmount } from "@nacre/simulated/mount-calls.ts";
import { mountByFlags } from "@nacre/simulated/mount-flags.ts";
import * as namespaces from "@nacre/simulated/namespace-calls.ts";
import { lookup } from "@nacre/simulated/path-lookup.ts";
import * as pidfds from "@nacre/simulated/pidfd.ts";
import { poll } from "@nacre/simulated/poll.ts";
import type { Process } from "@nacre/simulated/process.ts";
import * as processes from "@nacre/simulated/process-calls.ts";
import * as limits from "@nacre/simulated/process-limits.ts";
import type { Propagation } from "@nacre/simulated/propagation.ts";
import { IGNORE } from "@nacre/simulated/signals.ts";
import { type Call, has, N, S } from "./call-words.ts";
import { type Actor, streams } from "./simulated-actors.ts";
import { CREDENTIALS } from "./simulated-credentials.ts";
import { FLAGS, type Flag } from "./steps.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function openHow(flags: number, mode: number): descriptors.OpenHow {
  const access = flags & 3;
  return {
    read: access !== FLAGS.O_WRONLY,
    write: access !== FLAGS.O_RDONLY,
    create: has(flags, "O_CREAT"),
    exclusive: has(flags, "O_EXCL"),
    truncate: has(flags, "O_TRUNC"),
    append: has(flags, "O_APPEND"),
    directory: has(flags, "O_DIRECTORY"),
    follow: !has(flags, "O_NOFOLLOW"),
    pathOnly: has(flags, "O_PATH"),
    mode,
  };
}

function status({ process }: Actor, inode: Inode): string {
  const { uids, gids } = process.credentials.user;
  const { kind, device, mtime } = inode;
  const mode = (MODE_TYPES[kind] | inode.mode).toString(8);
  const words = [mode, `${uids.shown(inode.uid)}:${gids.shown(inode.gid)}`];
  if (kind !== "directory") words.push(`links ${inode.links}`);
  if (kind === "file" || kind === "symlink") words.push(`size ${inode.size}`);
  if (kind === "character")
    words.push(`device ${(device?.major ?? 0) * 256 + (device?.minor ?? 0)}`);
  if (mtime.seconds < 2000) words.push(`at ${mtime.seconds}`);
  return words.join(" ");
}

function whole(bytes: Uint8Array, nothing: string): string {
  return bytes.length === 0 ? nothing : (decoder.decode(bytes).split("\0")[0] ?? "");
}

const KINDS = Object.entries(MODE_TYPES) as [InodeKind, number][];

/** What the other side has room for. */
const MOST_BYTES = 32767;

/** All that there is, read by read: EAGAIN where a pipe may still get more. */
function contents(process: Process, fd: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let left = MOST_BYTES; left > 0; ) {
    const part = descriptors.read(process, fd, left);
    if (part.length === 0) break;
    parts.push(part);
    left -= part.length;
  }
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const FILES: Readonly<Record<string, Call>> = {
  open: ({ process }, w) => descriptors.open(process, S(w, 0), openHow(N(w, 1), N(w, 2))),
  openat: ({ process }, w) =>
    descriptors.open(process, S(w, 1), openHow(N(w, 2), N(w, 3)), N(w, 0)),
  close: ({ machine, process }, w) => descriptors.close(machine, process, N(w, 0)),
  read: ({ process }, w) => {
    const bytes = descriptors.read(process, N(w, 0), Math.min(N(w, 1), MOST_BYTES));
    return whole(bytes, "(end)") || bytes.length;
  },
  write: ({ machine, process }, w) =>
    descriptors.write(machine, process, N(w, 0), encoder.encode(S(w, 1))),
  lseek: ({ process }, w) =>
    process.files
      .get(N(w, 0))
      .seek(N(w, 1), (["start", "current", "end"] as const)[N(w, 2)] ?? fail("EINVAL")),
  dup: ({ process }, w) => descriptors.duplicate(process, N(w, 0)),
  dup2: ({ process }, w) => descriptors.duplicateTo(process, N(w, 0), N(w, 1)),
  getfl: ({ process }, w) => {
    const { read, write, append, pathOnly } = process.files.get(N(w, 0)).mode;
    if (pathOnly) return FLAGS.O_PATH;
    return (write ? (read ? 2 : 1) : 0) | (append ? FLAGS.O_APPEND : 0);
  },
  ftruncate: ({ machine, process }, w) =>
    descriptors.truncateOpen(machine, process, N(w, 0), N(w, 1)),
  truncate: ({ machine, process }, w) => descriptors.truncate(machine, process, S(w, 0), N(w, 1)),
  get: ({ machine, process }, w) => {
    const fd = descriptors.open(process, S(w, 0), { read: true });
    try {
      return whole(contents(process, fd), "(empty)");
    } finally {
      descriptors.close(machine, process, fd);
    }
  },
  put: ({ machine, process }, w) => {
    const fd = descriptors.open(process, S(w, 0), { write: true });
    try {
      return descriptors.write(machine, process, fd, encoder.encode(S(w, 1)));
    } finally {
      descriptors.close(machine, process, fd);
    }
  },
  stat: (actor, w) => status(actor, lookup(actor.process, S(w, 0)).dentry.inode),
  lstat: (actor, w) =>
    status(actor, lookup(actor.process, S(w, 0), { follow: false }).dentry.inode),
  fstat: (actor, w) => status(actor, actor.process.files.get(N(w, 0)).path.dentry.inode),
  list: ({ machine, process }, w) => {
    const fd = descriptors.open(process, S(w, 0), { read: true, directory: true });
    const names = descriptors.listDirectory(process, fd);
    descriptors.close(machine, process, fd);
    return [...names]
      .sort()
      .map((name) => `${name} `)
      .join("");
  },
  readlink: ({ process }, w) => {
    const { inode } = lookup(process, S(w, 0), { follow: false }).dentry;
    return inode.kind === "symlink" ? inode.readLink() : fail("EINVAL");
  },
  getcwd: ({ process }) => workingDirectory(process),
  mkdir: ({ process }, w) => void files.makeDirectory(process, S(w, 0), N(w, 1)),
  rmdir: ({ process }, w) => files.removeDirectory(process, S(w, 0)),
  unlink: ({ process }, w) => files.unlink(process, S(w, 0)),
  rename: ({ process }, w) => files.rename(process, S(w, 0), S(w, 1)),
  link: ({ process }, w) => files.linkAt(process, S(w, 0), process.cwd, S(w, 1), process.cwd),
  symlink: ({ process }, w) => void files.makeSymlink(process, S(w, 0), S(w, 1)),
  mknod: ({ process }, w) => {
    const type = N(w, 1) & 0o170000;
    const [kind] = KINDS.find(([, bits]) => bits === (type || FLAGS.S_IFREG)) ?? fail("EINVAL");
    if (kind === "directory") fail("EPERM");
    if (kind === "symlink") fail("EINVAL");
    const device = { major: N(w, 2) >> 8, minor: N(w, 2) & 255 };
    files.makeNode(process, S(w, 0), kind, N(w, 1) & 0o7777, device);
  },
};

const isCompared = (name: string): boolean => !name.startsWith("trusted.overlay.");

const ATTRIBUTES: Readonly<Record<string, Call>> = {
  chmod: ({ process }, w) =>
    files.setAttributes(process, lookup(process, S(w, 0)), { mode: N(w, 1) & 0o7777 }),
  chown: ({ process }, w) => {
    const path = lookup(process, S(w, 0), { follow: false });
    files.changeOwner(process, path, N(w, 1), N(w, 2));
  },
  utime: ({ process }, w) => {
    const path = lookup(process, S(w, 0), { follow: false });
    files.setAttributes(process, path, { mtime: { seconds: N(w, 1), nanoseconds: 0 } });
  },
  access: ({ process }, w) => {
    const call = has(N(w, 2), "AT_EACCESS") ? attributes.access : attributes.realAccess;
    call(process, S(w, 0), N(w, 1));
  },
  umask: ({ process }, w) => {
    const before = process.umask;
    process.umask = N(w, 0) & 0o777;
    return before;
  },
  chdir: ({ process }, w) => files.changeDirectory(process, S(w, 0)),
  fchdir: ({ process }, w) => descriptors.changeDirectoryTo(process, N(w, 0)),
  chroot: ({ process }, w) => files.changeRoot(process, S(w, 0)),
  getxattr: ({ process }, w) => decoder.decode(attributes.getAttribute(process, S(w, 0), S(w, 1))),
  setxattr: ({ process }, w) => {
    const how = [undefined, "fresh", "existing"][N(w, 3)] as "fresh" | "existing" | undefined;
    attributes.setAttribute(process, S(w, 0), S(w, 1), encoder.encode(S(w, 2)), how);
  },
  removexattr: ({ process }, w) => attributes.removeAttribute(process, S(w, 0), S(w, 1)),
  listxattr: ({ process }, w) => {
    // What an overlay keeps for itself in its layers is its own affair.
    const names = attributes.attributeNames(process, S(w, 0)).filter(isCompared).sort();
    return `${names.map((name) => `${name} `).join("")}(${names.length})`;
  },
};

const ATTRIBUTE_FLAGS: readonly (readonly [Flag, MountAttribute])[] = [
  ["MS_RDONLY", "ro"],
  ["MS_NOSUID", "nosuid"],
  ["MS_NODEV", "nodev"],
  ["MS_NOEXEC", "noexec"],
  ["MS_NOATIME", "noatime"],
  ["MS_NOSYMFOLLOW", "nosymfollow"],
];
const PROPAGATION_FLAGS: readonly (readonly [Flag, Propagation])[] = [
  ["MS_UNBINDABLE", "unbindable"],
  ["MS_PRIVATE", "private"],
  ["MS_SLAVE", "slave"],
  ["MS_SHARED", "shared"],
];
const KIND_FLAGS: readonly (readonly [Flag, NamespaceKind])[] = [
  ["CLONE_NEWUSER", "user"],
  ["CLONE_NEWNS", "mnt"],
  ["CLONE_NEWUTS", "uts"],
  ["CLONE_NEWIPC", "ipc"],
  ["CLONE_NEWPID", "pid"],
  ["CLONE_NEWCGROUP", "cgroup"],
  ["CLONE_NEWNET", "net"],
  ["CLONE_NEWTIME", "time"],
];

/** Those values whose flags are set. */
const chosen = <T>(table: readonly (readonly [Flag, T])[], flags: number): T[] =>
  table.filter(([flag]) => has(flags, flag)).map(([, value]) => value);

const NAMESPACES: Readonly<Record<string, Call>> = {
  mount: ({ machine, process }, w) => {
    const flags = N(w, 3);
    mountByFlags(machine, process, {
      source: S(w, 0),
      target: S(w, 1),
      type: S(w, 2),
      data: S(w, 4),
      attributes: chosen(ATTRIBUTE_FLAGS, flags),
      propagation: chosen(PROPAGATION_FLAGS, flags),
      bind: has(flags, "MS_BIND"),
      recursive: has(flags, "MS_REC"),
      move: has(flags, "MS_MOVE"),
      remount: has(flags, "MS_REMOUNT"),
    });
  },
  umount: ({ machine, process }, w) => {
    const flags = N(w, 1);
    if ((flags & ~(FLAGS.MNT_DETACH | FLAGS.UMOUNT_NOFOLLOW)) !== 0) fail("EINVAL");
    const follow = !has(flags, "UMOUNT_NOFOLLOW");
    unmount(machine, process, S(w, 0), { detach: has(flags, "MNT_DETACH"), follow });
  },
  pivot_root: ({ machine, process }, w) => {
    requireAdministrator(process);
    const next = files.directoryAt(process, S(w, 0));
    pivotRoot(machine, process, next, files.directoryAt(process, S(w, 1)));
  },
  unshare: ({ machine, process }, w) =>
    namespaces.unshare(machine, process, chosen(KIND_FLAGS, N(w, 0))),
  setns: ({ machine, process }, w) => {
    const namespace = namespaces.namespaceOf(process, N(w, 0), "EINVAL");
    const kinds = N(w, 1) === 0 ? [namespace.kind] : chosen(KIND_FLAGS, N(w, 1));
    const [kind] = kinds.length === 1 ? kinds : fail("EINVAL");
    namespaces.join(machine, process, namespace, kind ?? fail("EINVAL"));
  },
  userns: ({ machine, process }, w) => namespaces.openOwner(machine, process, N(w, 0)),
  parentns: ({ machine, process }, w) => namespaces.openParent(machine, process, N(w, 0)),
  nstype: ({ process }, w) => {
    const { kind } = namespaces.namespaceOf(process, N(w, 0), "ENOTTY");
    return FLAGS[KIND_FLAGS.find(([, one]) => one === kind)?.[0] ?? "CLONE_NEWNS"];
  },
  owner: ({ process }, w) => String(namespaces.ownerUser(process, N(w, 0))),
  sethostname: ({ process }, w) => namespaces.setHostname(process, S(w, 0)),
  gethostname: ({ process }) => process.namespaces.uts.hostname,
};

/** A handler that counts for one process alone: its children count for themselves. */
const counter =
  ({ handled }: Actor, signal: number) =>
  (): void =>
    void handled.set(signal, (handled.get(signal) ?? 0) + 1);

function waited(result: processes.WaitResult | undefined): string | number {
  if (!result) return 0;
  const value = result.how === "continued" ? "" : ` ${result.value}`;
  return `${result.pid} ${result.how}${value}`;
}

const PROCESSES: Readonly<Record<string, Call>> = {
  clone: ({ machine, process }, w, actors) => {
    const kinds = chosen(KIND_FLAGS, N(w, 1));
    const child = processes.clone(machine, process, kinds, streams());
    const actor = { machine, process: child, handled: new Map<number, number>() };
    actors.set(N(w, 0), actor);
    for (const [signal, handler] of child.handlers) {
      if (handler !== IGNORE) child.handlers.set(signal, counter(actor, signal));
    }
    return child.pidIn(process.namespaces.pid) ?? 0;
  },
  wait: ({ machine, process }, w) => {
    const flags = N(w, 1);
    const stopped = has(flags, "WUNTRACED");
    const options = { stopped, continued: has(flags, "WCONTINUED") };
    return waited(processes.wait(machine, process, N(w, 0), options));
  },
  pidfd_open: ({ machine, process }, w) => pidfds.openProcess(machine, process, N(w, 0), N(w, 1)),
  pidfd_signal: ({ machine, process }, w) =>
    pidfds.signalOpen(machine, process, N(w, 0), N(w, 1), N(w, 2)),
  waitfd: ({ machine, process }, w) => {
    const flags = N(w, 1);
    const options = {
      exited: has(flags, "WEXITED"),
      stopped: has(flags, "WUNTRACED"),
      continued: has(flags, "WCONTINUED"),
    };
    return waited(pidfds.waitOpen(machine, process, N(w, 0), options));
  },
  poll: ({ process }, w) => poll(process, [{ descriptor: N(w, 0), events: N(w, 1) }])[0],
  exit: ({ machine, process }, w) =>
    machine.processes.exit(process, { code: N(w, 0) & 255, signal: 0 }),
  kill: ({ machine, process }, w) => processes.kill(machine, process, N(w, 0), N(w, 1)),
  sigaction: (actor, w) => {
    const { machine, process } = actor;
    const signal = N(w, 0);
    if (signal < 1 || signal > 64 || signal === 9 || signal === 19) fail("EINVAL");
    const count = counter(actor, signal);
    const handler = { ignore: IGNORE, count, default: undefined }[S(w, 1)];
    processes.setHandler(machine, process, signal, handler);
  },
  sigmask: ({ machine, process }, w) =>
    processes.blockSignal(machine, process, N(w, 1), S(w, 0) === "block"),
  handled: ({ handled }, w) => handled.get(N(w, 0)) ?? 0,
  getpid: ({ process }) => process.pidIn(process.namespaces.pid) ?? 0,
  getppid: ({ process }) => process.parent?.pidIn(process.namespaces.pid) ?? 0,
  getsid: ({ process }, w) => processes.getSession(process, N(w, 0)),
  getpgid: ({ process }, w) => processes.getProcessGroup(process, N(w, 0)),
  setpgid: ({ machine, process }, w) =>
    processes.setProcessGroup(machine, process, N(w, 0), N(w, 1)),
  setsid: ({ machine, process }) => processes.newSession(machine, process),
  getrlimit: ({ process }, w) => {
    const { soft, hard } = limits.getLimit(process, N(w, 0));
    return `${soft} ${hard}`;
  },
  setrlimit: ({ process }, w) =>
    limits.setLimit(process, N(w, 0), { soft: BigInt(S(w, 1)), hard: BigInt(S(w, 2)) }),
};

export const CALLS: Readonly<Record<string, Call>> = {
  ...FILES,
  ...ATTRIBUTES,
  ...NAMESPACES,
  ...PROCESSES,
  ...CREDENTIALS,
};
