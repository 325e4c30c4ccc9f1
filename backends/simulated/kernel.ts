// The Kernel port in memory: a machine (machine.ts) with its own tree, mounts, namespaces, cgroups
// and processes, which carries out programs operation by operation. No I/O, no host: the same
// program on the same clock gives the same result to the last number.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { NAMESPACE_KINDS } from "@nacre/core/namespace-kinds.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type {
  AttachedStreams,
  ExitStatus,
  HeldRoot,
  Kernel,
  KernelFacts,
  MountEntry,
  ProcessIdentity,
  ProcessStreams,
  RunningProgram,
} from "@nacre/core/ports/kernel.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { boot, type CgroupLayout, installProgram } from "./boot.ts";
import { BUILT_IN } from "./built-in.ts";
import {
  type CallerPipes,
  type CallerStreams,
  callerStreams,
  passedDescriptors,
} from "./caller-streams.ts";
import { SimulatedClock } from "./clock.ts";
import { Disk, type DiskImage } from "./disk.ts";
import { Errno } from "./errno.ts";
import { Execution } from "./execution.ts";
import { kill } from "./fault-victims.ts";
import { type FaultOptions, Faults, type FaultWorld } from "./faults.ts";
import { fileFault } from "./file-fault.ts";
import { registerTypes } from "./filesystem-types.ts";
import { HostFiles } from "./host-files.ts";
import { HostTree, type ReadableFiles } from "./host-tree.ts";
import { Interpreter, malformed, OperationFailure } from "./interpreter.ts";
import { Machine } from "./machine.ts";
import { moveMount } from "./mount-calls.ts";
import { mountEntries } from "./mount-table.ts";
import { operationError, supervisorKilled } from "./operation-error.ts";
import { lookup } from "./path-lookup.ts";
import { type Descriptor, readable, writable } from "./pipe.ts";
import { type Process, ProcessGone } from "./process.ts";
import type { SimulatedProgram } from "./program.ts";
import { HARDWARE, type Hardware } from "./resources.ts";
import { type MachineState, stateOf } from "./state.ts";
import { type Ending, Supervisor } from "./supervisor.ts";
import { becomeUnprivileged, unprivilegedFacts } from "./unprivileged.ts";

export interface SimulatedKernelOptions {
  /** The machine's cgroups are the core's; it gets an arena of its own. */
  readonly core: Core;
  /** Programs beside the built-in ones, by the name or path of the file that is executed. */
  readonly programs?: ReadonlyMap<string, SimulatedProgram>;
  readonly faults?: FaultOptions;
  /** What its disk holds as it boots; without it a fresh one. */
  readonly disk?: DiskImage;
  /** Called when a fault takes the power away. */
  readonly onPowerOff?: () => void;
  readonly cgroups?: CgroupLayout;
  /** The engine's process is a user's who is not root, in a user namespace with these maps. */
  readonly userNamespace?: UserMaps;
  /** What differs from a small server: 2 CPUs, 8 GiB, no swap, no huge pages, a disk of 500 MB/s. */
  readonly hardware?: Partial<Hardware>;
  /** What the numbers in ProcessStreams stand for; those that are not given are /dev/null. */
  readonly descriptors?: ReadonlyMap<number, Descriptor>;
  /** OCI architecture. */
  readonly architecture?: string;
  /** Why a program is not carried out here, where its host knows better; thrown as it is. */
  readonly refuse?: (program: KernelProgram, files: Files) => NacreError | undefined;
  /** Whether a process that is not the machine's lives on the host: who else uses the same state. */
  readonly hostAlive?: (process: ProcessIdentity) => boolean;
  /** Told of an inverse that failed when a process had ended: something of it is left. */
  readonly onUndoFailure?: (program: KernelProgram, fault: string) => void;
}

const RELEASE = "6.18.0-simulated";
const SILENT: ProcessStreams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };

/** A program that is under way: its process, what carries it out, and what it was given. */
interface Session {
  readonly self: Execution;
  readonly interpreter: Interpreter;
  readonly pipes: CallerPipes;
  readonly streams: CallerStreams;
}

export class SimulatedKernel implements Kernel {
  readonly machine: Machine;
  readonly #options: SimulatedKernelOptions;
  readonly #init: Process;
  readonly #caller: Process;

  constructor(clock: Clock, options: SimulatedKernelOptions) {
    this.#options = options;
    this.machine = new Machine(clock, {
      core: options.core.fork(),
      hardware: { ...HARDWARE, ...options.hardware },
      programs: new Map([...BUILT_IN, ...(options.programs ?? [])]),
      release: RELEASE,
      architecture: options.architecture ?? "amd64",
      hostname: "simulated",
    });
    registerTypes(this.machine);
    const { cgroups = "hybrid", disk } = options;
    const { init, caller } = boot(this.machine, { cgroups, ...(disk && { disk }) });
    this.#init = init;
    this.#caller = caller;
    const { userNamespace: maps } = options;
    if (maps) becomeUnprivileged(this.machine, init, caller, maps);
    if (options.faults) this.injectFaults(options.faults);
  }

  facts(): KernelFacts {
    return {
      release: RELEASE,
      architecture: this.#options.architecture ?? "amd64",
      privileged: true,
      erofs: "files",
      overlay: true,
      machineCode: false,
      ...unprivilegedFacts(this.#options.userNamespace),
    };
  }

  /** Other faults than those that it was made with, from now on; none if there are none. */
  injectFaults(options: FaultOptions | undefined): Faults | undefined {
    const faults = options && new Faults(options);
    if (faults) faults.world = this.#world();
    this.machine.faults = faults;
    return faults;
  }

  #world(): FaultWorld {
    const { machine } = this;
    return {
      pass: (ms) => machine.clock instanceof SimulatedClock && machine.clock.pass(ms),
      kill: (who, at) => kill(machine, who, at, this.#caller),
      powerOff: () => this.#options.onPowerOff?.(),
    };
  }

  perform(program: KernelProgram): Promise<void> {
    return this.performFor(this.#caller, program);
  }

  execute(program: KernelProgram, streams: ProcessStreams): Promise<RunningProgram> {
    return this.executeFor(this.#caller, program, streams);
  }

  async performFor(caller: Process, program: KernelProgram): Promise<void> {
    if (program.process) throw new TypeError("perform runs programs without a process");
    const refused = this.#options.refuse?.(program, this.hostFiles());
    if (refused) throw refused;
    const session = this.#begin(caller, program, SILENT);
    await this.#orUndo(program, session, () =>
      session.interpreter.section(session.self, program.host),
    );
    this.#end(session, 0);
  }

  async executeFor(
    caller: Process,
    program: KernelProgram,
    streams: ProcessStreams,
  ): Promise<RunningProgram> {
    const { process } = program;
    if (!process) throw new TypeError("execute runs programs with a process");
    const refused = this.#options.refuse?.(program, this.hostFiles());
    if (refused) throw refused;
    const session = this.#begin(caller, program, streams);
    const { self, interpreter, pipes } = session;
    const supervisor = new Supervisor(self, interpreter, process, session.streams);
    const child = await this.#orUndo(program, session, async () => {
      const namespaces = this.#atClone(self, () => supervisor.openNamespaces());
      await interpreter.section(self, program.host);
      const child = await supervisor.start(namespaces);
      if (caller.alive) return child;
      supervisor.giveUp(child);
      throw new ProcessGone();
    });
    void caller.ended.promise.then(() => pipes.stdin?.close()); // with the process that holds it
    if (process.supervision.leaves) this.#end(session, 0);
    const exited = process.supervision.leaves
      ? new Promise<ExitStatus>(() => {})
      : this.#settle(program, session, supervisor.wait(child));
    exited.catch(() => {}); // whoever asks for it gets the rejection; nobody need ask
    return {
      process: child.identity,
      supervisor: self.process.identity,
      stdin: pipes.stdin && writable(pipes.stdin),
      stdout: pipes.stdout && readable(pipes.stdout),
      stderr: pipes.stderr && readable(pipes.stderr),
      left: supervisor.left,
      exited: process.supervision.detached ? new Promise<ExitStatus>(() => {}) : exited,
      signal: (number) => void this.signal(self.process.identity, number),
    };
  }

  /** A process that carries the program out, as nacre-init is one. */
  #begin(caller: Process, program: KernelProgram, streams: ProcessStreams): Session {
    const refused = malformed(program);
    if (refused) throw new NacreError("internal", `the program was refused: ${refused}`);
    const numbers = this.#options.descriptors ?? new Map();
    const { pipes, streams: given } = callerStreams(streams, numbers);
    const process = this.machine.processes.fork(
      caller,
      { ...caller.namespaces },
      {
        root: caller.root,
        cwd: caller.root,
        credentials: caller.credentials,
        streams: given,
        command: "nacre-init",
      },
    );
    const { umask } = process;
    process.passed = passedDescriptors(streams, numbers);
    process.umask = 0;
    process.session = process;
    process.group = process;
    const self = new Execution(this.machine, process, "host", { umask });
    return { self, interpreter: new Interpreter(), pipes, streams: given };
  }

  #end(session: Session, code: number): void {
    const { processes } = this.machine;
    processes.exit(session.self.process, { code, signal: 0 });
    processes.reap(session.self.process);
  }

  #atClone<T>(self: Execution, call: () => T): T {
    try {
      return this.machine.as(self.process, call);
    } catch (error) {
      throw error instanceof Errno ? new OperationFailure("clone", 0, error) : error;
    }
  }

  /** Where an operation fails, what was done is undone before anybody hears of it. */
  async #orUndo<T>(program: KernelProgram, session: Session, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const { interpreter, self, pipes } = session;
      for (const pipe of Object.values(pipes)) pipe.close(); // nobody gets them
      if (!self.process.alive) throw supervisorKilled(program, error);
      const failures = await interpreter.undo(self);
      this.#end(session, 125);
      if (!(error instanceof OperationFailure)) throw error;
      throw operationError(program, error, failures, this.machine.programs.keys());
    }
  }

  async #settle(
    program: KernelProgram,
    session: Session,
    waiting: Promise<Ending>,
  ): Promise<ExitStatus> {
    try {
      const { status, failures, unawaited } = await waiting;
      for (const { index, fault } of failures) {
        this.#options.onUndoFailure?.(program, `operation ${index}: ${fault.message}`);
      }
      this.#end(session, 0);
      if (unawaited) this.#runOnExit(program);
      return status;
    } catch (error) {
      if (!(error instanceof Errno || error instanceof ProcessGone)) throw error;
      throw supervisorKilled(program, error);
    }
  }

  /** The command that follows, as a child of init. What it fails with, nobody hears. */
  #runOnExit(program: KernelProgram): void {
    const command = program.process?.supervision.onExit;
    if (!command || command.length === 0) return;
    try {
      this.machine.as(this.#init, () => this.machine.spawn(this.#init, command));
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
    }
  }

  async attach(path: string): Promise<AttachedStreams> {
    const point = this.machine.attachPoints.get(path);
    if (!point) throw fileFault("ENOENT", "connect to", path);
    return point.attach();
  }

  async begin(path: string): Promise<void> {
    const point = this.machine.startPoints.get(path);
    if (!point || point.taken) throw fileFault("ENOENT", "connect to", path);
    point.taken = true;
    point.begun.resolve();
    await point.executed.promise;
  }
  holdRoot(process: ProcessIdentity): HeldRoot {
    if (this.#find(process)) return { path: `/proc/${process.pid}/root`, release: () => {} };
    throw new NacreError("not-found", `the process ${process.pid} has ended`);
  }

  signal(process: ProcessIdentity, number: number): boolean {
    const found = this.#find(process);
    if (!found) return false;
    this.machine.processes.signal(found, number, this.#caller.namespaces.pid);
    return true;
  }

  alive(process: ProcessIdentity): boolean {
    return this.#find(process) !== undefined || (this.#options.hostAlive?.(process) ?? false);
  }

  identify(pid: number): ProcessIdentity | undefined {
    const process = this.machine.processes.find(pid);
    return process?.alive ? process.identity : undefined;
  }

  #find({ pid, startTime }: ProcessIdentity): Process | undefined {
    const process = this.machine.processes.find(pid);
    return process?.alive && process.startTime === startTime ? process : undefined;
  }

  namespaces(pid: number): Partial<Record<NamespaceKind, bigint>> {
    const process = this.machine.processes.find(pid);
    if (!process?.alive) return {};
    return Object.fromEntries(
      NAMESPACE_KINDS.map((kind) => [kind, process.namespaces[kind].inode]),
    );
  }

  mounts(): MountEntry[] {
    const { namespaces, root } = this.#caller;
    return this.machine.as(this.#caller, () => mountEntries(namespaces.mnt.tree, root));
  }

  /** The process whose system calls the engine makes. */
  get caller(): ProcessIdentity {
    return this.#caller.identity;
  }

  /** The engine's files: the same tree that programs see. */
  hostFiles(): Files {
    return new HostFiles(this.machine, this.#caller);
  }

  /** One more process of the host, in which an engine can live and be killed: see host-process.ts. */
  forkHost(command = "nacre"): Process {
    const { root, credentials, streams, namespaces } = this.#init;
    const from = { root, cwd: root, credentials, streams, command };
    const process = this.machine.processes.fork(this.#init, { ...namespaces }, from);
    process.umask = 0o022;
    return process;
  }

  /** All that is durable of the disk; with `chance`, what a loss of power leaves of it. */
  disk(chance?: () => number): DiskImage {
    const { superblock } = this.#init.root.mount;
    if (!(superblock instanceof Disk)) throw new TypeError("the root is no disk");
    return chance ? superblock.powerLoss(chance) : superblock.image();
  }

  /** Shows a directory of the host at the same path of the machine, read-only. */
  shareDirectory(files: ReadableFiles, path: string): void {
    const { machine } = this;
    new HostFiles(machine, this.#init).makeDirectory(path);
    machine.as(this.#init, () => {
      const tree = new HostTree(machine.newMinor(), files, path);
      const mount = machine.newMount(tree, tree.dentry, ["ro", "nosuid", "nodev"]);
      moveMount(machine, this.#init, mount, lookup(this.#init, path));
    });
  }

  /** Makes an executable file on the machine, for a program that the registry knows by its name. */
  installProgram(path: string): void {
    this.machine.as(this.#init, () => installProgram(this.#init, path));
  }

  /** All that is visible of the machine, to compare before and after. */
  state(): MachineState {
    return this.machine.as(this.#caller, () => stateOf(this.machine, this.#caller));
  }
}
