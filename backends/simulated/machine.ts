// The simulated machine: what exists once. Numbers for mounts, groups, superblocks and namespaces
// are given in order, so that the same run gives the same numbers.

import type { Core } from "@nacre/core/core.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { MountAttribute } from "@nacre/core/program/mount-description.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import type { AttachPoint } from "./attach-point.ts";
import type { CgroupNode, Hierarchy } from "./cgroup-node.ts";
import { CgroupDirectory, CgroupFileSystem } from "./cgroupfs.ts";
import { Cgroups } from "./cgroups.ts";
import { controlContext } from "./control-context.ts";
import type { Dentry } from "./dentry.ts";
import { because, errnoOf, fail } from "./errno.ts";
import { become, findImage, named, type ProgramRegistry } from "./exec.ts";
import type { Faults } from "./faults.ts";
import type { FileSystemType } from "./filesystem-types.ts";
import type { Inode, Superblock, Timestamp } from "./inode.ts";
import { Mount } from "./mount.ts";
import { discardTree } from "./mount-calls.ts";
import { livingNamespaces } from "./namespace-holders.ts";
import { FIRST_INODE, INITIAL_INODES, type MountNamespace, type Namespace } from "./namespaces.ts";
import { NamespaceFileSystem } from "./nsfs.ts";
import { lookup } from "./path-lookup.ts";
import { ProcessFileSystem } from "./pidfd.ts";
import type { Process, Streams } from "./process.ts";
import { ProcessTable } from "./process-table.ts";
import type { SimulatedProgram } from "./program.ts";
import { run } from "./programs.ts";
import type { MountFactory } from "./propagation.ts";
import { releaseAgents } from "./release-agent.ts";
import { type Hardware, Resources } from "./resources.ts";
import { IGNORE } from "./signals.ts";
import type { StartPoint } from "./start-operations.ts";
import { UserNamespace } from "./user-namespace.ts";

export interface MachineOptions {
  /** An arena of its own, in which the machine's cgroups are. */
  readonly core: Core;
  readonly hardware: Hardware;
  /** What runs in processes, by the name of the file that is executed. */
  readonly programs: ProgramRegistry;
  /** uname -r. */
  readonly release: string;
  /** OCI architecture. */
  readonly architecture: string;
  readonly hostname: string;
}

/** What a spawned process has of its own. */
interface SpawnFrom {
  readonly streams?: Streams;
  readonly environment?: readonly string[];
  readonly name?: string | undefined;
}

export const duplicates = ({ stdin, stdout, stderr }: Streams): Streams => ({
  stdin: stdin.duplicate(),
  stdout: stdout.duplicate(),
  stderr: stderr.duplicate(),
});

export class Machine implements MountFactory {
  readonly clock: Clock;
  readonly release: string;
  readonly architecture: string;
  readonly memoryBytes: number;
  readonly hostname: string;
  readonly programs: ProgramRegistry;
  readonly cpus: number;
  readonly cgroups: Cgroups;
  readonly processes: ProcessTable;
  readonly resources: Resources;
  readonly nsfs: NamespaceFileSystem;
  readonly pidfs: ProcessFileSystem;
  /** The first user namespace: root of it is root of the machine. */
  readonly mountNamespaces = new Set<MountNamespace>();
  readonly user = new UserNamespace(INITIAL_INODES.user);
  readonly sysctl = new Map<string, string>();
  /** Datagrams to journald. */
  readonly journal: Uint8Array[] = [];
  /** By the path of the socket that Linux has there. */
  readonly attachPoints = new Map<string, AttachPoint>();
  /** By the path of the socket that Linux has there. */
  readonly startPoints = new Map<string, StartPoint>();
  /** What is made to fail; nothing where there is none. */
  faults: Faults | undefined;
  readonly #types = new Map<string, FileSystemType>();
  readonly #hierarchies = new Map<Hierarchy, CgroupFileSystem>();
  readonly #locks = new WeakMap<Inode, Set<Process>>();
  #lastMount = 0;
  #lastGroup = 0;
  #lastMinor = 0;
  #nextNamespace = FIRST_INODE;
  #current: Process | undefined;
  readonly #hearers = new Set<() => void>();

  constructor(clock: Clock, options: MachineOptions) {
    this.clock = clock;
    this.release = options.release;
    this.architecture = options.architecture;
    this.memoryBytes = options.hardware.memoryBytes;
    this.hostname = options.hostname;
    this.programs = options.programs;
    this.cpus = options.hardware.cpus;
    this.cgroups = new Cgroups(options.core, { cpus: this.cpus, memoryNodes: 1 });
    this.nsfs = new NamespaceFileSystem(this.newMinor());
    this.pidfs = new ProcessFileSystem(this.newMinor());
    this.processes = new ProcessTable(clock, this.cgroups);
    this.processes.onExit = () => {
      this.releaseNamespaces();
      for (const hear of [...this.#hearers]) hear();
    };
    this.resources = new Resources(clock, this.cgroups, this.processes, options.hardware);
    this.cgroups.observers.push(
      releaseAgents((command, environment) => this.#startHelper(command, environment)),
    );
  }

  /** Calls when any process ends, until the result is called. */
  whenOneEnds(hear: () => void): () => void {
    this.#hearers.add(hear);
    return () => this.#hearers.delete(hear);
  }

  // -- who calls --------------------------------------------------------------------------------

  /** The process whose system call is being served: what /proc/self names. */
  get current(): Process {
    return this.#current ?? fail("ESRCH");
  }

  /** The same, where there may be none. */
  get caller(): Process | undefined {
    return this.#current;
  }

  /** Serves system calls of `process`. They do not wait, so nothing else runs in between. */
  as<T>(process: Process, call: () => T): T {
    const before = this.#current;
    this.#current = process;
    try {
      return call();
    } finally {
      this.#current = before;
    }
  }

  /** A process that has executed a program runs it from now on. */
  start(process: Process, program: SimulatedProgram): void {
    this.loadProgram(process);
    run(this, process, program);
  }

  /** The memory of a program takes the place of what the process had. */
  loadProgram(process: Process): void {
    this.resources.memory.ended(process);
    this.resources.hugePages.ended(process);
    try {
      this.resources.memory.load(process);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      // Past execve(2)'s point of no return there is nobody to tell.
      this.processes.exit(process, { code: 0, signal: SIGNALS.KILL });
    }
  }

  /** fork(2): the child has its own descriptors, and keeps which signals are ignored. */
  fork(parent: Process, streams: Streams): Process {
    const { root, cwd, credentials, command } = parent;
    const { pidForChildren: pid, timeForChildren: time } = parent;
    const namespaces = { ...parent.namespaces, pid, time };
    let child: Process;
    try {
      const from = { root, cwd, credentials, streams, command };
      child = this.processes.fork(parent, namespaces, from);
    } catch (error) {
      for (const stream of Object.values(streams)) stream.close();
      throw error;
    }
    child.arguments = parent.arguments;
    child.environment = parent.environment;
    child.executable = parent.executable;
    child.terminal = parent.terminal;
    for (const [number, one] of parent.passed) child.passed.set(number, one.duplicate());
    for (const [signal, handler] of parent.handlers) {
      if (handler === IGNORE) child.handlers.set(signal, handler);
    }
    return child;
  }

  /** fork(2), and execve(2) in the child; fails as either does. */
  spawn(parent: Process, command: readonly string[], options: SpawnFrom = {}): Process {
    const { environment = parent.environment, streams = duplicates(parent.streams) } = options;
    const child = this.fork(parent, streams);
    try {
      const image = named(findImage(this, child, command, environment), options.name);
      become(child, image, environment);
      this.start(child, image.program);
      return child;
    } catch (error) {
      this.processes.exit(child, { code: 127, signal: 0 });
      this.processes.reap(child);
      throw error;
    }
  }

  /** The mounts of a namespace go when nothing holds it any more; they may have held others. */
  releaseNamespaces(): void {
    for (let again = this.mountNamespaces.size > 1; again; ) {
      const living = new Set<Namespace>(livingNamespaces(this));
      again = false;
      for (const namespace of [...this.mountNamespaces]) {
        if (living.has(namespace)) continue;
        this.mountNamespaces.delete(namespace);
        discardTree(namespace.tree);
        again = true;
      }
    }
  }

  /** call_usermodehelper: a program of the kernel's own choice. What it fails with, nobody hears. */
  #startHelper(command: readonly string[], environment: readonly string[]): void {
    const init = this.processes.all().find((process) => !process.parent);
    if (!init) return;
    try {
      this.as(init, () => this.spawn(init, command, { environment }));
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }

  readonly now = (): Timestamp => {
    const ms = this.clock.nowMs();
    const seconds = Math.floor(ms / 1000);
    return { seconds, nanoseconds: Math.round((ms - seconds * 1000) * 1e6) };
  };

  // -- numbers ----------------------------------------------------------------------------------

  newMinor(): number {
    return ++this.#lastMinor;
  }
  newGroupId(): number {
    return ++this.#lastGroup;
  }
  newNamespaceInode(): bigint {
    return this.#nextNamespace++;
  }

  // -- mounts and file systems ------------------------------------------------------------------

  /** A detached mount. */
  newMount(
    superblock: Superblock,
    root: Dentry,
    attributes: readonly MountAttribute[] = [],
  ): Mount {
    const mount = new Mount(++this.#lastMount, superblock, root);
    for (const attribute of attributes) mount.attributes.add(attribute);
    return mount;
  }

  copyMount(original: Mount, root: Dentry): Mount {
    const copy = this.newMount(original.superblock, root);
    copy.source = original.source;
    return copy;
  }

  register(name: string, type: FileSystemType): void {
    this.#types.set(name, type);
  }

  /** ENODEV for a file system that this kernel does not have. */
  type(name: string): FileSystemType {
    return this.#types.get(name) ?? fail("ENODEV");
  }

  types(): string[] {
    return [...this.#types.keys()];
  }

  /** Who holds a shared flock(2) on a file. A process that ends lets go of its locks. */
  lockHolders(inode: Inode): Set<Process> {
    const holders = this.#locks.get(inode) ?? new Set();
    this.#locks.set(inode, holders);
    for (const holder of holders) if (!holder.alive) holders.delete(holder);
    return holders;
  }

  // -- cgroups ----------------------------------------------------------------------------------

  /** The one superblock of a hierarchy. `source` is what its first mount names. */
  cgroupFileSystem(hierarchy: Hierarchy, source: string): CgroupFileSystem {
    const known = this.#hierarchies.get(hierarchy);
    if (known) return known;
    const identity = { minor: this.newMinor(), source };
    const made = new CgroupFileSystem(identity, this.cgroups, hierarchy, controlContext(this), () =>
      this.#hierarchies.delete(hierarchy),
    );
    this.#hierarchies.set(hierarchy, made);
    return made;
  }

  /** The node that a directory of a cgroup file system is. */
  cgroupAt(process: Process, path: string): CgroupNode {
    return because(`open ${path}`, () => {
      const { inode } = lookup(process, path).dentry;
      if (inode instanceof CgroupDirectory) return inode.node;
      return fail(inode.kind === "directory" ? "ENOENT" : "ENOTDIR");
    });
  }
}
