// A process: what clone(2) makes, execve(2) changes and wait(2) ends. Numbers, namespaces, root
// and working directory, credentials, limits, cgroups, streams, signals. What runs in it is a
// scripted program (programs.ts); the kernel's part of its life is in process-table.ts.

import type { ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { CssSet } from "./cgroups.ts";
import { mayUseDevice } from "./controllers/devices.ts";
import type { Credentials } from "./credentials.ts";
import { DescriptorTable } from "./descriptor-table.ts";
import { filtersAllow } from "./device-filter.ts";
import { isFrozen } from "./freezer.ts";
import type { DeviceNumber } from "./inode.ts";
import type { Path } from "./mount.ts";
import type { Namespace, NamespaceSet, PidNamespace } from "./namespaces.ts";
import { type Descriptor, NullDescriptor } from "./pipe.ts";
import { ProcessMemory } from "./process-memory.ts";
import type { SessionKeyring } from "./session-keyring.ts";
import type { Task } from "./task.ts";
import type { Terminal } from "./terminal.ts";

/** wait(2): how it ended. */
export interface WaitStatus {
  /** The exit code, 0 if a signal ended it. */
  readonly code: number;
  /** The signal's number, 0 if it exited by itself. */
  readonly signal: number;
}

/** Thrown out of a call of a process that has ended, so that it unwinds. Nobody is told. */
export class ProcessGone extends Error {
  override readonly name = "ProcessGone";
  constructor() {
    super("the process is gone");
  }
}

export interface Streams {
  stdin: Descriptor;
  stdout: Descriptor;
  stderr: Descriptor;
}

/** Of a process that reads and writes nothing. */
export function noStreams(): Streams {
  const nothing = new NullDescriptor();
  return { stdin: nothing, stdout: nothing, stderr: nothing };
}

export interface ResourceLimit {
  readonly soft: bigint;
  readonly hard: bigint;
}

export type ProcessState = "running" | "stopped" | "zombie" | "dead";

export class Process implements Task {
  /** Its number in its own pid namespace and in those around it, the outermost last. */
  readonly pids: ReadonlyMap<PidNamespace, number>;
  /** Clock ticks (1/100 s) since boot. */
  readonly startTime: bigint;
  parent: Process | undefined;
  readonly children = new Set<Process>();
  namespaces: NamespaceSet;
  /** Where its children will be, after setns(2) of a pid namespace. */
  pidForChildren: PidNamespace;
  /** The same for the time namespace, after unshare(2) or setns(2). */
  timeForChildren: Namespace;
  root: Path;
  cwd: Path;
  umask: number;
  credentials: Credentials;
  limits: Map<number, ResourceLimit>;
  /** seccomp filters, which it keeps whatever it becomes. */
  filters: readonly Uint8Array[];
  /** Set by Cgroups.enter before anybody sees the process. */
  declare cssSet: CssSet;
  /** Its session keyring; absent: that of the machine's first user. */
  keyring: SessionKeyring | undefined;
  session: Process;
  /** The leader of its process group. */
  group: Process;
  streams: Streams;
  /** Of a supervisor: it has killed its child, whose time was over. */
  late = false;
  /** What its caller has passed on, by the numbers behind the standard streams. */
  passed = new Map<number, Descriptor>();
  /** The pty that its standard streams are, if they are one. */
  terminal: Terminal | undefined;
  command: string;
  arguments: readonly string[];
  environment: readonly string[] = [];
  executable: Path | undefined;
  oomScoreAdj: number;
  /** What it was last set to by who may lower it further. */
  oomScoreAdjLeast: number;
  /** CPU time of work that is done, in milliseconds. */
  cpuMs = 0;
  nice = 0;
  /** SCHED_IDLE (sched(7)). */
  isIdle = false;
  readonly memory = new ProcessMemory();
  /** Paths that it keeps open: a mount that holds one is busy. */
  readonly open = new Set<Path>();
  /** Its descriptors behind the standard streams. */
  readonly files: DescriptorTable;
  state: ProcessState = "running";
  status: WaitStatus | undefined;
  /** Handlers by signal number; without one the default disposition holds. */
  readonly handlers = new Map<number, () => void>();
  readonly blocked = new Set<number>();
  /** Sent, and held back because they are blocked or the process is stopped. */
  readonly pending = new Set<number>();
  /** For wait(2): a stop or a continuation that its parent has not seen yet. */
  change: { readonly kind: "stopped" | "continued"; readonly signal: number } | undefined;
  readonly ended = Promise.withResolvers<WaitStatus>();
  readonly #waits = new Set<() => void>();
  #gone: AbortController | undefined;
  /** Resolved and replaced when a stopped or frozen process may go on. */
  resumed = Promise.withResolvers<void>();

  constructor(
    pids: ReadonlyMap<PidNamespace, number>,
    startTime: bigint,
    from: {
      readonly parent: Process | undefined;
      readonly namespaces: NamespaceSet;
      readonly root: Path;
      readonly cwd: Path;
      readonly credentials: Credentials;
      readonly streams: Streams;
      readonly command: string;
    },
  ) {
    this.pids = pids;
    this.startTime = startTime;
    this.parent = from.parent;
    this.namespaces = from.namespaces;
    this.pidForChildren = from.namespaces.pid;
    this.timeForChildren = from.namespaces.time;
    this.root = from.root;
    this.cwd = from.cwd;
    this.credentials = from.credentials;
    this.streams = from.streams;
    this.command = from.command;
    this.arguments = [from.command];
    this.umask = from.parent?.umask ?? 0o022;
    this.limits = new Map(from.parent?.limits);
    this.filters = from.parent?.filters ?? [];
    this.keyring = from.parent?.keyring;
    this.session = from.parent?.session ?? this;
    this.group = from.parent?.group ?? this;
    for (const signal of from.parent?.blocked ?? []) this.blocked.add(signal);
    this.files = from.parent?.files.copy() ?? new DescriptorTable();
    this.oomScoreAdj = from.parent?.oomScoreAdj ?? 0;
    this.oomScoreAdjLeast = from.parent?.oomScoreAdjLeast ?? 0;
    this.nice = from.parent?.nice ?? 0;
    this.isIdle = from.parent?.isIdle ?? false;
    from.parent?.children.add(this);
  }

  /** As the machine's own pid namespace counts. */
  get pid(): number {
    return [...this.pids.values()].at(-1) as number;
  }

  /** As a process of `namespace` sees it; undefined if it cannot. */
  pidIn(namespace: PidNamespace): number | undefined {
    return this.pids.get(namespace);
  }

  get identity(): ProcessIdentity {
    return { pid: this.pid, startTime: this.startTime };
  }
  get alive(): boolean {
    return this.state === "running" || this.state === "stopped";
  }
  /** Alive, and neither stopped nor frozen. */
  get mayRun(): boolean {
    return this.alive && this.state !== "stopped" && !isFrozen(this.cssSet);
  }
  /** Aborted when it ends. */
  get signal(): AbortSignal {
    this.#gone ??= new AbortController();
    if (!this.alive) this.#gone.abort();
    return this.#gone.signal;
  }
  /** What it waits for; rejects with `ProcessGone` if it ends before, and takes the wait back. */
  during<T>(awaited: Promise<T>, takeBack?: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        takeBack?.();
        reject(new ProcessGone());
      };
      awaited.then(
        (value) => {
          this.#waits.delete(end);
          resolve(value);
        },
        (error: unknown) => {
          this.#waits.delete(end);
          reject(error);
        },
      );
      if (this.alive) this.#waits.add(end);
      else end();
    });
  }
  /** It has ended: it waits for nothing any more. */
  endWaits(): void {
    this.#gone?.abort();
    for (const end of this.#waits) end();
    this.#waits.clear();
  }
  /** open(2) and mknod(2) of a device: what the devices controller allows. */
  mayUseDevice(kind: "character" | "block", device: DeviceNumber, access: string): boolean {
    return (
      mayUseDevice(this.cssSet, kind, device, access) &&
      filtersAllow(this.cssSet, kind, device, access)
    );
  }
  get isInit(): boolean {
    return this.namespaces.pid.init === this;
  }
}
