// procfs as containers use it: a directory a process of the mounter's pid namespace, and files of
// the machine. Contents are made when read, for whoever reads.
// Source: proc(5) and its parts.

import { NAMESPACE_KINDS } from "@nacre/core/namespace-kinds.ts";
import { pathFrom } from "./cgroup-node.ts";
import { CONTROLLERS } from "./cgroups.ts";
import { capable } from "./credentials.ts";
import { fail } from "./errno.ts";
import {
  FixedDirectory,
  GeneratedFile,
  GeneratedInode,
  GeneratedLink,
  LateDirectory,
} from "./generated.ts";
import {
  type MapKind,
  readIdMap,
  requireSetgroups,
  writeIdMap,
  writeSetgroups,
} from "./id-map-files.ts";
import { type Inode, Superblock } from "./inode.ts";
import type { Machine } from "./machine.ts";
import { nameFrom, type Path } from "./mount.ts";
import { mountInfo, mountLines } from "./mount-table.ts";
import type { Namespace, PidNamespace } from "./namespaces.ts";
import { lookup } from "./path-lookup.ts";
import { NullDescriptor } from "./pipe.ts";
import { interfaceTable, limitsText, loadAverages } from "./proc-tables.ts";
import type { Process } from "./process.ts";
import {
  cpuInformation,
  machineStatistics,
  memoryInformation,
  statLine,
  statusText,
} from "./process-statistics.ts";
import { keysText } from "./session-keyring.ts";
import { sysctlDirectory } from "./sysctl.ts";
import type { UserNamespace } from "./user-namespace.ts";

export class ProcFileSystem extends Superblock {
  readonly root: ProcRoot;
  readonly machine: Machine;
  readonly namespace: PidNamespace;

  /** A name that is not there cannot be made, and is not kept as missing. */
  override readonly keepsMissing = false;

  constructor(minor: number, machine: Machine, namespace: PidNamespace, readOnly: boolean) {
    super("proc", minor, "proc", readOnly);
    this.machine = machine;
    this.namespace = namespace;
    this.made = machine.now();
    this.root = new ProcRoot(this);
  }
}

class ProcRoot extends GeneratedInode {
  readonly #filesystem: ProcFileSystem;
  readonly #processes = new WeakMap<Process, FixedDirectory>();
  readonly #fixed: ReadonlyMap<string, Inode>;

  constructor(filesystem: ProcFileSystem) {
    super(filesystem, "directory", 0o555, 1n);
    this.#filesystem = filesystem;
    this.#fixed = new Map(machineFiles(filesystem));
  }

  override lookup(name: string): Inode | undefined {
    const fixed = this.#fixed.get(name);
    if (fixed) return fixed;
    if (!/^[1-9]\d*$/.test(name)) return undefined;
    const process = this.#filesystem.namespace.members.get(Number(name));
    if (!process) return undefined;
    const known = this.#processes.get(process);
    if (known) return known;
    const made = new FixedDirectory(
      this.superblock,
      0o555,
      processFiles(this.#filesystem, process),
    );
    made.immutable = true;
    for (const inode of [made, ...made.entries.values()]) {
      if (!(inode instanceof GeneratedInode)) continue;
      inode.owner = {
        get uid() {
          return process.credentials.uid;
        },
        get gid() {
          return process.credentials.gid;
        },
      };
    }
    this.#processes.set(process, made);
    return made;
  }

  override names(): readonly string[] {
    const pids = [...this.#filesystem.namespace.members.keys()].map(String);
    return [...this.#fixed.keys(), ...pids];
  }
}

/** A link that jumps to a place; its text is only for reading. */
class MagicLink extends GeneratedInode {
  readonly #filesystem: ProcFileSystem;
  readonly #process: Process;
  readonly #target: () => Path | undefined;
  readonly #text: () => string;

  constructor(
    filesystem: ProcFileSystem,
    process: Process,
    target: () => Path | undefined,
    text: () => string,
  ) {
    super(filesystem, "symlink", 0o777);
    this.#filesystem = filesystem;
    this.#process = process;
    this.#target = target;
    this.#text = text;
  }
  /** EACCES for who may not look into the process; ENOENT once it has ended. */
  #requireAccess(): void {
    if (!mayInspect(this.#filesystem.machine.current, this.#process)) fail("EACCES");
  }
  override jump(): Path {
    this.#requireAccess();
    return this.#target() ?? fail("ENOENT");
  }
  override readLink(): string {
    this.#requireAccess();
    return this.#text();
  }
}

const STREAMS = ["stdin", "stdout", "stderr"] as const;

/** /proc/PID/fd: a link for each descriptor, which leads to what is open. */
class DescriptorDirectory extends GeneratedInode {
  readonly #filesystem: ProcFileSystem;
  readonly #process: Process;

  constructor(filesystem: ProcFileSystem, process: Process) {
    super(filesystem, "directory", 0o500);
    this.#filesystem = filesystem;
    this.#process = process;
  }
  override get isOwnPlace(): boolean {
    return this.#filesystem.machine.current === this.#process;
  }
  override lookup(name: string): Inode | undefined {
    if (!mayInspect(this.#filesystem.machine.current, this.#process)) fail("ENOENT");
    const stream = STREAMS[Number(name)];
    if (stream && /^\d$/.test(name)) return this.#stream(stream);
    if (this.#process.passed.has(Number(name))) return this.#pipe();
    const file = this.#process.files.find(Number(name));
    if (!file || !/^\d+$/.test(name)) return undefined;
    const { mount, dentry } = file.path;
    // What is mounted nowhere has a name of its own.
    const text = (): string =>
      mount.tree ? (nameFrom(this.#process.root, file.path) ?? "/") : dentry.name;
    return new MagicLink(this.#filesystem, this.#process, () => file.path, text);
  }
  /** One of the standard streams, which lead to a terminal, to /dev/null, or to a pipe without a name. */
  #stream(name: (typeof STREAMS)[number]): Inode | undefined {
    const { streams, terminal, root, credentials } = this.#process;
    const nothing = streams[name] instanceof NullDescriptor;
    const path = terminal?.path ?? (nothing ? "/dev/null" : undefined);
    const place = (): Path | undefined =>
      path === undefined ? undefined : lookup({ root, cwd: root, umask: 0, credentials }, path);
    return new MagicLink(this.#filesystem, this.#process, place, () => path ?? "pipe:[1]");
  }
  #pipe(): Inode {
    return new MagicLink(
      this.#filesystem,
      this.#process,
      () => undefined,
      () => "pipe:[2]",
    );
  }
  override names(): readonly string[] {
    if (!this.#process.alive) fail("ENOENT");
    const { passed, files } = this.#process;
    return [...STREAMS.keys(), ...passed.keys(), ...files.numbers()].map(String);
  }
}

/** ptrace_may_access with PTRACE_MODE_READ_FSCREDS (ptrace(2)). */
function mayInspect(from: Process, to: Process): boolean {
  if (from === to) return true;
  const [who, whom] = [from.credentials, to.credentials];
  if (capable(who, "CAP_SYS_PTRACE", whom.user)) return true;
  const same =
    [whom.uid, whom.realUid, whom.savedUid].every((uid) => uid === who.fsUid) &&
    [whom.gid, whom.realGid, whom.savedGid].every((gid) => gid === who.fsGid) &&
    who.user === whom.user;
  return same && (whom.permitted & ~who.effective) === 0n;
}

const withInit = (namespace: PidNamespace): PidNamespace =>
  namespace.init?.alive ? namespace : fail("ENOENT");

/** /proc/PID/cgroup: paths as the reader's cgroup namespace shows them. */
function cgroup(machine: Machine, process: Process): string {
  const roots = machine.current.namespaces.cgroup.roots;
  return [...machine.cgroups.hierarchies]
    .reverse()
    .map((hierarchy) => {
      // A zombie of version 1 is shown at `/` to every reader; in version 2 it is where it was,
      // which may be gone.
      const kept = process.alive || hierarchy.version === 2;
      const node = kept ? process.cssSet.in(hierarchy) : hierarchy.root;
      const path = kept ? pathFrom(roots.get(hierarchy) ?? hierarchy.root, node) : "/";
      const gone = node.removed ? " (deleted)" : "";
      return `${hierarchy.id}:${hierarchy.label}:${path}${gone}\n`;
    })
    .join("");
}

/** /proc/PID/ns. */
function namespaceFiles(filesystem: ProcFileSystem, process: Process): FixedDirectory {
  const { machine } = filesystem;
  const namespaceLink = (of: () => Namespace): Inode =>
    new MagicLink(
      filesystem,
      process,
      () => machine.nsfs.pathOf(of()),
      () => `${of().kind}:[${of().inode}]`,
    );
  return new FixedDirectory(filesystem, 0o511, [
    ...NAMESPACE_KINDS.map((kind): [string, Inode] => [
      kind,
      namespaceLink(() => process.namespaces[kind]),
    ]),
    // Nobody is where its children will be until the first of them, its init, is there.
    ["pid_for_children", namespaceLink(() => withInit(process.pidForChildren))],
    ["time_for_children", namespaceLink(() => process.timeForChildren)],
  ]);
}

/** /proc/PID/net. */
function networkFiles(filesystem: ProcFileSystem, process: Process): FixedDirectory {
  const dev = new GeneratedFile(filesystem, 0o444, { read: () => interfaceTable(process) });
  return new FixedDirectory(filesystem, 0o555, [["dev", dev]]);
}

function processFiles(filesystem: ProcFileSystem, process: Process): [string, Inode][] {
  const { machine } = filesystem;
  const file = (
    mode: number,
    read: () => string,
    write?: (text: string) => void,
    openForWriting: () => void = () => {},
  ): Inode =>
    new GeneratedFile(filesystem, mode, { read, openForWriting, ...(write && { write }) });
  const place = (path: () => Path | undefined): Inode =>
    new MagicLink(filesystem, process, path, () => {
      const target = path() ?? fail("ENOENT");
      return nameFrom(machine.current.root, target) ?? "/";
    });
  const strings = (words: readonly string[]): string => words.map((word) => `${word}\0`).join("");
  const adjust = (text: string): void => {
    const value = /^-?\d+$/.test(text.trim()) ? Number(text) : fail("EINVAL");
    if (Math.abs(value) > 1000) fail("EINVAL");
    const may = capable(machine.current.credentials, "CAP_SYS_RESOURCE");
    if (value < process.oomScoreAdjLeast && !may) fail("EACCES");
    process.oomScoreAdj = value;
    if (may) process.oomScoreAdjLeast = value;
  };
  const rename = (text: string): void => {
    if (machine.current !== process) fail("EINVAL");
    process.command = text.slice(0, 15);
  };
  const user = (): UserNamespace => process.credentials.user;
  const idMap = (kind: MapKind): Inode =>
    file(
      0o644,
      () => readIdMap(machine, user(), kind),
      (text) => writeIdMap(machine, user(), kind, text),
    );
  return [
    ["stat", file(0o444, () => statLine(machine, filesystem.namespace, process))],
    ["status", file(0o444, () => statusText(machine, filesystem.namespace, process))],
    ["cmdline", file(0o444, () => strings(process.arguments))],
    ["environ", file(0o400, () => strings(process.environment))],
    ["comm", file(0o644, () => `${process.command.slice(0, 15)}\n`, rename)],
    ["cgroup", file(0o444, () => cgroup(machine, process))],
    ["mountinfo", file(0o444, () => mountInfo(process.namespaces.mnt.tree, process.root))],
    ["mounts", file(0o444, () => mountLines(process.namespaces.mnt.tree, process.root))],
    ["limits", file(0o444, () => limitsText(process))],
    ["net", new LateDirectory(filesystem, () => networkFiles(filesystem, process))],
    ["oom_score_adj", file(0o644, () => `${process.oomScoreAdj}\n`, adjust)],
    ["uid_map", idMap("uids")],
    ["gid_map", idMap("gids")],
    [
      "setgroups",
      file(
        0o644,
        () => `${user().setgroups}\n`,
        (text) => writeSetgroups(user(), text),
        () => requireSetgroups(machine, user()),
      ),
    ],
    // One that has ended is nowhere any more.
    ["root", place(() => (process.alive ? process.root : undefined))],
    ["cwd", place(() => (process.alive ? process.cwd : undefined))],
    ["exe", place(() => (process.alive ? process.executable : undefined))],
    ["ns", namespaceFiles(filesystem, process)],
    ["fd", new DescriptorDirectory(filesystem, process)],
  ];
}

function cgroupTable(machine: Machine): string {
  const lines = CONTROLLERS.map((controller) => {
    const hierarchy = machine.cgroups.hierarchyOf(controller);
    const nodes = hierarchy ? [...hierarchy.root.subtree()].length : 1;
    return `${controller}\t${hierarchy?.id ?? 0}\t${nodes}\t1\n`;
  });
  return `#subsys_name\thierarchy\tnum_cgroups\tenabled\n${lines.join("")}`;
}

/** Files that tell of the machine or change it; containers get them hidden or read-only. */
const BARE_DIRECTORIES = ["acpi", "bus", "fs", "irq", "scsi", "driver"];
const BARE_FILES = ["interrupts", "kcore", "timer_list", "sysrq-trigger"];

function machineFiles(filesystem: ProcFileSystem): [string, Inode][] {
  const { machine, namespace } = filesystem;
  const file = (read: () => string): Inode => new GeneratedFile(filesystem, 0o444, { read });
  const self = (): string => String(machine.current.pidIn(namespace) ?? fail("ENOENT"));
  const link = (text: () => string): Inode => new GeneratedLink(filesystem, text);
  const uptime = (): string => (machine.clock.monotonicMs() / 1000).toFixed(2);
  return [
    ["self", link(self)],
    ["thread-self", link(() => `${self()}/task/${self()}`)],
    ["mounts", link(() => "self/mounts")],
    ["net", link(() => "self/net")],
    ["keys", file(() => keysText(machine))],
    ["loadavg", file(() => loadAverages(machine))],
    ["cgroups", file(() => cgroupTable(machine))],
    [
      "filesystems",
      file(() =>
        machine
          .types()
          .map((type) => `nodev\t${type}\n`)
          .join(""),
      ),
    ],
    ["meminfo", file(() => memoryInformation(machine))],
    ["cpuinfo", file(() => cpuInformation(machine))],
    ["stat", file(() => machineStatistics(machine))],
    ["uptime", file(() => `${uptime()} ${uptime()}\n`)],
    ["version", file(() => `Linux version ${machine.release} (simulated)\n`)],
    ["sys", sysctlDirectory(filesystem, machine)],
    ...BARE_DIRECTORIES.map((name): [string, Inode] => [name, new FixedDirectory(filesystem)]),
    ...BARE_FILES.map((name): [string, Inode] => [name, file(() => "")]),
  ];
}
