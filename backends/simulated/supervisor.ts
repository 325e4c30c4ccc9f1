// The parent of a program's process for as long as it lives: nacre-init's supervise.c. It clones
// the child, feeds and reads its streams, hands signals on, and when the child has ended writes
// the exit record and undoes the host section.

import type { ExitStatus } from "@nacre/core/ports/kernel.ts";
import { DetachKeys } from "@nacre/core/program/detach-keys.ts";
import { parseExitRecord } from "@nacre/core/program/exit-record.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import { AttachPoint } from "./attach-point.ts";
import type { CallerStreams } from "./caller-streams.ts";
import { joinsBefore, placeHere, placeThere, usersLast } from "./child-place.ts";
import { Errno, fail } from "./errno.ts";
import { Execution } from "./execution.ts";
import { ExitRecordFile } from "./exit-record-file.ts";
import { type Interpreter, OperationFailure, type UndoFailure } from "./interpreter.ts";
import { type LineLog, openLog } from "./line-log.ts";
import type { Machine } from "./machine.ts";
import { join } from "./namespace-calls.ts";
import type { Namespace } from "./namespaces.ts";
import { NamespaceInode } from "./nsfs.ts";
import { beginError } from "./operation-error.ts";
import { lookup } from "./path-lookup.ts";
import { type Descriptor, NullDescriptor, Pipe } from "./pipe.ts";
import { type Process, ProcessGone } from "./process.ts";
import { LAST_SIGNAL } from "./signals.ts";
import { makeSocket, StartPoint } from "./start-operations.ts";

export type ProgramProcess = NonNullable<KernelProgram["process"]>;

/** What is kept to itself: the rest is handed on to the child. */
const NOT_FORWARDED: readonly number[] = [
  SIGNALS.KILL,
  SIGNALS.STOP,
  SIGNALS.CHLD,
  SIGNALS.TTIN,
  SIGNALS.TTOU,
  SIGNALS.URG,
];

/** How it ended. */
export interface Ending {
  readonly status: ExitStatus;
  readonly failures: readonly UndoFailure[];
  /** Whether nobody waits for it. */
  readonly unawaited: boolean;
}

export class Supervisor {
  /** Resolves when whoever had the terminal has left. */
  readonly left: Promise<void>;
  readonly #leave = Promise.withResolvers<void>();
  readonly #starter: Process | undefined;
  #isLeft = false;
  readonly #self: Execution;
  readonly #interpreter: Interpreter;
  readonly #program: ProgramProcess;
  readonly #caller: CallerStreams;
  #log: LineLog | undefined;
  #pipes: { stdout: Pipe; stderr: Pipe } | undefined;
  #held: Descriptor | undefined;
  /** What the caller's terminal is again afterwards. */
  #giveBack: (() => void) | undefined;
  /** What is relayed to the terminal. */
  #typed: Descriptor | undefined;
  #pumps: Promise<void>[] = [];
  #attached: AttachPoint | undefined;

  constructor(
    self: Execution,
    interpreter: Interpreter,
    program: ProgramProcess,
    caller: CallerStreams,
  ) {
    this.#self = self;
    this.#interpreter = interpreter;
    this.#program = program;
    this.#caller = caller;
    this.#starter = self.process.parent;
    this.left = this.#leave.promise;
  }

  get #machine(): Machine {
    return this.#self.machine;
  }
  get #process(): Process {
    return this.#self.process;
  }

  /** The namespaces to join, looked up before anything happens. */
  openNamespaces(): [Namespace["kind"], Namespace][] {
    const { join: target, joinPaths } = this.#program.clone;
    const found: [Namespace["kind"], Namespace][] = [];
    if (target) {
      const process = this.#machine.processes.find(target.pid);
      if (!process?.alive || process.startTime !== target.startTime) {
        fail("ESRCH", `process ${target.pid}`);
      }
      for (const kind of target.namespaces) found.push([kind, process.namespaces[kind]]);
    }
    for (const { kind, path } of joinPaths) {
      const { inode } = lookup(this.#process, path).dentry;
      if (!(inode instanceof NamespaceInode)) fail("EINVAL", path);
      found.push([kind, inode.namespace]);
    }
    return found;
  }

  /** Makes the child, carries out its section and the parent's; resolves when it executes. */
  async start(namespaces: [Namespace["kind"], Namespace][]): Promise<Process> {
    const { machine } = this.#self;
    const child = this.#atClone(() => {
      this.#interpreter.beforeClone(this.#self);
      return this.#clone(namespaces);
    });
    this.#self.child = child.process;
    const parent = new Execution(machine, this.#process, "parent", {
      umask: this.#self.umask,
      child: child.process,
    });
    try {
      await this.#interpreter.section(parent, this.#program.parent);
      this.#atClone(() => child.enter());
      if (this.#program.supervision.startPath !== undefined) return await this.#waiting(child);
      await this.#become(child);
    } catch (error) {
      this.#kill(child.first);
      const childAlone = error instanceof ProcessGone && this.#process.alive;
      throw childAlone ? cloneFailure(new Errno("EINTR", "the child was killed")) : error;
    }
    this.#settle(child.first);
    child.start?.();
    // Killed while the child was at work, which nobody has told the child.
    if (!this.#process.alive) throw new ProcessGone();
    return child.first;
  }

  async #become(child: Execution): Promise<void> {
    await this.#interpreter.section(child, this.#program.child);
    if (!child.process.alive) throw cloneFailure(new Errno("EINTR", "the child was killed"));
    if (!child.start) throw cloneFailure(new Errno("EINVAL", "the section ends without execute"));
  }

  /** The child goes on by itself when somebody begins it, and tells that one how it went. */
  async #waiting(child: Execution): Promise<Process> {
    const { startPoints } = this.#machine;
    const path = this.#program.supervision.startPath as string;
    const point = new StartPoint();
    this.#atClone(() => makeSocket(this.#process, path));
    child.startPoint = point;
    startPoints.set(path, point);
    const whole = this.#become(child);
    const rest = whole.then(
      () => {
        child.start?.();
        point.executed.resolve();
      },
      (error: unknown) => {
        this.#kill(child.first);
        point.executed.reject(beginError(error, this.#program.child));
      },
    );
    void rest.finally(() => {
      if (startPoints.get(path) === point) startPoints.delete(path);
    });
    void child.process.ended.promise.then(() => {
      if (startPoints.get(path) === point) startPoints.delete(path);
    });
    await Promise.race([whole, point.waits.promise]);
    this.#settle(child.first);
    if (!this.#process.alive) throw new ProcessGone();
    return child.first;
  }

  /** Whoever asked for the program is gone before it could be told that it runs. */
  giveUp(child: Process): void {
    this.#kill(child);
    this.#closeStreams();
  }

  #kill(child: Process): void {
    this.#machine.processes.exit(child, { code: 0, signal: SIGNALS.KILL });
    this.#machine.processes.reap(child);
  }

  #atClone<T>(call: () => T): T {
    try {
      return this.#machine.as(this.#process, call);
    } catch (error) {
      this.#closeStreams();
      throw error instanceof Errno ? cloneFailure(error) : error;
    }
  }

  #clone(namespaces: [Namespace["kind"], Namespace][]): Execution & { enter(): void } {
    const machine = this.#machine;
    const parent = this.#process;
    const streams = this.#openStreams();
    const { create, cgroups } = this.#program.clone;
    const nodes = cgroups.map((path) => machine.cgroupAt(parent, path));
    const before = joinsBefore(create, namespaces);
    const place = (before ? placeThere : placeHere)(machine, parent, namespaces, create);
    const { namespaces: own, root, cwd, credentials } = place;
    const process = machine.processes.fork(parent, own, {
      root,
      cwd,
      credentials,
      streams,
      command: "nacre-init",
    });
    if (this.#program.supervision.descriptors) process.passed = taken(parent);
    place.made();
    parent.pidForChildren = parent.namespaces.pid;
    const execution = new Execution(machine, process, "child", {
      umask: this.#self.umask,
      root: this.#self.root,
    });
    const enter = (): void => {
      for (const node of nodes) machine.cgroups.move(process, node);
      for (const [kind, namespace] of before ? [] : usersLast(namespaces)) {
        if (kind !== "pid") join(machine, process, namespace, kind);
      }
      if (namespaces.length > 0) execution.root = process.root;
    };
    return Object.assign(execution, { enter });
  }

  /** What the child gets, and what this process keeps of it. */
  #openStreams(): Process["streams"] {
    const { supervision } = this.#program;
    const { stdin: input, output, terminal } = supervision;
    this.#log = openLog(this.#machine, this.#process, supervision);
    const nothing = new NullDescriptor();
    if (terminal !== "none") return { stdin: nothing, stdout: nothing, stderr: nothing };
    let stdin: Descriptor = input === "inherit" ? this.#caller.stdin.duplicate() : nothing;
    if (input === "hold") {
      const pipe = new Pipe();
      stdin = pipe.readEnd();
      this.#held = pipe.writeEnd();
    }
    if (output === "inherit") {
      const { stdout, stderr } = this.#caller;
      return { stdin, stdout: stdout.duplicate(), stderr: stderr.duplicate() };
    }
    this.#pipes = { stdout: new Pipe(), stderr: new Pipe() };
    const written = {
      stdout: this.#pipes.stdout.writeEnd(),
      stderr: this.#pipes.stderr.writeEnd(),
    };
    for (const name of ["stdout", "stderr"] as const) {
      const to = output === "both" ? this.#caller[name].duplicate() : undefined;
      this.#pumps.push(this.#pump(name, this.#pipes[name].readEnd(), to));
    }
    return { stdin, ...written };
  }

  #closeStreams(): void {
    this.#pipes?.stdout.seal();
    this.#pipes?.stderr.seal();
    this.#held?.close();
    this.#typed?.close();
    this.#giveBack?.();
  }

  /** Reads one stream of the child until its end, into the log and to whoever listens. */
  async #pump(name: "stdout" | "stderr", from: Descriptor, to: Descriptor | undefined) {
    let listener = to;
    for (let chunk = await from.read(); chunk; chunk = await from.read()) {
      if (!this.#process.alive) break; // killed: its descriptors are closed
      this.#log?.write(name, chunk);
      await this.#attached?.emit({ stream: name, bytes: chunk });
      try {
        if (!this.#isLeft) await listener?.write(chunk);
      } catch {
        listener = undefined; // who listened is gone; the container goes on
      }
    }
    if (this.#process.alive) this.#log?.end(name);
    from.close();
    to?.close();
  }

  /** After the start: signals are handed on, a terminal is relayed, the rest is let go of. */
  #settle(child: Process): void {
    const { terminal } = child;
    const attached = this.#program.supervision.terminal === "attached";
    if (terminal) {
      const master = terminal.master();
      const to = attached ? this.#caller.stdout.duplicate() : undefined;
      this.#pumps.push(this.#pump("stdout", master, to));
      if (attached) {
        this.#typed = this.#caller.stdin.duplicate();
        this.#giveBack = this.#typed.lend?.((size) => terminal.resize(size));
        void this.#relayInput(this.#typed, master);
      }
    }
    this.#offerStreams(child);
    for (let signal = 1; signal <= LAST_SIGNAL; signal++) {
      if (NOT_FORWARDED.includes(signal)) continue;
      this.#process.handlers.set(signal, () =>
        this.#machine.processes.signal(child, signal, this.#process.namespaces.pid),
      );
    }
    for (const stream of Object.values(this.#caller)) stream.close();
  }

  #offerStreams(child: Process): void {
    const { attachPath, stdin, terminal: shown } = this.#program.supervision;
    if (attachPath === undefined) return;
    const { terminal } = child;
    const takes = stdin === "hold" || shown === "attached";
    const to = takes ? (terminal?.master() ?? this.#held) : undefined;
    const point = new AttachPoint({
      write: async (bytes) => to?.write(bytes),
      resize: (rows, columns) => {
        terminal?.resize({ rows, columns });
      },
    });
    this.#attached = point;
    const { attachPoints } = this.#machine;
    attachPoints.set(attachPath, point);
    void this.#process.ended.promise.then(() => {
      if (attachPoints.get(attachPath) === point) attachPoints.delete(attachPath);
      point.end();
    });
  }

  async #relayInput(from: Descriptor, to: Descriptor): Promise<void> {
    const keys = new DetachKeys(this.#program.supervision.leaveKeys ?? []);
    try {
      for (let chunk = await from.read(); chunk; chunk = await from.read()) {
        const { passed, left } = keys.pass(chunk);
        if (passed.length > 0) await to.write(passed);
        if (!left) continue;
        this.#isLeft = true;
        this.#leave.resolve();
        return;
      }
    } catch {
      // The terminal is gone: what is typed goes nowhere.
    }
  }

  /** Waits for the child, then leaves the machine as it was. Rejects if this process is killed. */
  async wait(child: Process): Promise<Ending> {
    const killed = this.#process.ended.promise.then(() => "killed" as const);
    const end = await Promise.race([child.ended.promise, killed]);
    // Both may be killed at once: it was before it learned of its child's end.
    if (end === "killed" || !this.#process.alive) {
      throw new Errno("EINTR", "the supervisor was killed");
    }
    child.terminal?.hangUp();
    this.#closeStreams();
    await Promise.all(this.#pumps);
    this.#machine.processes.reap(child);
    const { supervision } = this.#program;
    const file = new ExitRecordFile(this.#machine, this.#process, supervision);
    const record = this.#machine.as(this.#process, () => file.compose(end));
    this.#machine.as(this.#process, () => file.write(record));
    const failures = await this.#interpreter.undo(this.#self);
    this.#machine.as(this.#process, () => file.append(failures));
    const unawaited = supervision.detached || this.#isLeft || !this.#starter?.alive;
    return { status: parseExitRecord(record), failures, unawaited };
  }
}

const cloneFailure = (fault: Errno): OperationFailure => new OperationFailure("clone", 0, fault);

/** What is the process's its parent lets go of. */
function taken(parent: Process): Process["passed"] {
  const { passed } = parent;
  parent.passed = new Map();
  return passed;
}
