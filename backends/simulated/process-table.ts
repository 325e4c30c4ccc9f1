// All processes of the machine: fork, exit, reaping, signals. A process that ends stays a zombie
// until its parent asks; orphans go to the init of their pid namespace; when that init ends, the
// kernel kills all that is left in the namespace (pid_namespaces(7)).

import type { Clock } from "@nacre/core/ports/clock.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import type { Cgroups } from "./cgroups.ts";
import { fail } from "./errno.ts";
import { freezerHolding } from "./freezer.ts";
import type { NamespaceSet, PidNamespace } from "./namespaces.ts";
import { Process, type Streams, type WaitStatus } from "./process.ts";
import { defaultDisposition, isForced, LAST_SIGNAL } from "./signals.ts";

const TICKS_PER_SECOND = 100;

export class ProcessTable {
  readonly #clock: Clock;
  readonly #cgroups: Cgroups;
  readonly #processes = new Set<Process>();
  /** Called when a process has ended, and let go of what it held. */
  onExit: (process: Process) => void = () => {};
  /** Called when a process may run, or may not any more, or has ended. */
  onChange: (process: Process) => void = () => {};

  constructor(clock: Clock, cgroups: Cgroups) {
    this.#clock = clock;
    this.#cgroups = cgroups;
  }

  all(): readonly Process[] {
    return [...this.#processes];
  }

  find(pid: number, namespace?: PidNamespace): Process | undefined {
    if (namespace) return namespace.members.get(pid);
    for (const process of this.#processes) if (process.pid === pid) return process;
    return undefined;
  }

  /** clone(2). EAGAIN at a pids limit, ENOMEM in a pid namespace whose init has ended. */
  fork(
    parent: Process | undefined,
    namespaces: NamespaceSet,
    from: Pick<Process, "root" | "cwd" | "credentials" | "command"> & { streams: Streams },
  ): Process {
    const { pid } = namespaces;
    if (pid.dead) fail("ENOMEM");
    const pids = new Map([...pid.lineage()].map((ns) => [ns, ns.nextPid()] as const));
    // As its `pid` will be: the number in the machine's own namespace.
    this.#cgroups.fork(parent, [...pids.values()].at(-1) as number);
    const now = this.#clock.monotonicMs();
    const startTime = BigInt(Math.floor((now * TICKS_PER_SECOND) / 1000));
    const process = new Process(pids, startTime, { ...from, parent, namespaces });
    for (const [ns, number] of pids) ns.members.set(number, process);
    pid.init ??= process;
    this.#processes.add(process);
    this.#cgroups.enter(process);
    return process;
  }

  /** exit_group(2), or a fatal signal. */
  exit(process: Process, status: WaitStatus): void {
    if (!process.alive) return;
    process.state = "zombie";
    process.status = status;
    process.killed.abort();
    process.resumed.resolve();
    if (process.isInit) this.#endNamespace(process.namespaces.pid);
    this.#orphan(process);
    this.onChange(process);
    this.#cgroups.leave(process);
    const { stdin, stdout, stderr } = process.streams;
    for (const stream of [stdin, stdout, stderr]) stream.close();
    process.open.clear();
    process.files.clear();
    this.onExit(process);
    process.ended.resolve(status);
    // The machine's first process waits for whoever comes to it.
    if (!process.parent || process.parent.parent === undefined) this.reap(process);
  }

  #endNamespace(namespace: PidNamespace): void {
    namespace.dead = true;
    for (const member of [...namespace.members.values()]) {
      if (member.alive) this.exit(member, { code: 0, signal: SIGNALS.KILL });
      if (member !== namespace.init) this.reap(member);
    }
  }

  #orphan(process: Process): void {
    const { init } = process.namespaces.pid;
    const reaper = init && init !== process && init.alive ? init : this.#machineInit(process);
    for (const child of [...process.children]) {
      process.children.delete(child);
      child.parent = reaper;
      reaper?.children.add(child);
      if (child.state === "zombie" && reaper?.parent === undefined) this.reap(child);
    }
  }

  #machineInit(process: Process): Process | undefined {
    return [...process.namespaces.pid.lineage()].at(-1)?.init;
  }

  /** wait(2) for a zombie: its number is free. */
  reap(process: Process): void {
    if (process.state !== "zombie") return;
    process.state = "dead";
    process.parent?.children.delete(process);
    this.#processes.delete(process);
    for (const [namespace, pid] of process.pids) namespace.members.delete(pid);
  }

  /** Frozen by v1, whose freezer holds even SIGKILL back until it is thawed. */
  #isHeld(process: Process): boolean {
    return freezerHolding(process.cssSet)?.hierarchy.version === 1;
  }

  /** kill(2) by a sender of `from`'s pid namespace. EINVAL for what is no signal. */
  signal(process: Process, signal: number, from: PidNamespace): void {
    if (!Number.isInteger(signal) || signal < 0 || signal > LAST_SIGNAL) fail("EINVAL");
    if (signal === 0 || !process.alive) return;
    const handler = isForced(signal) ? undefined : process.handlers.get(signal);
    const disposition = handler ? "handle" : defaultDisposition(signal);
    // An init takes no harm from its own, and from outside only what is forced.
    const outside = from !== process.namespaces.pid && from.contains(process.namespaces.pid);
    const safe = process.isInit && !(outside && isForced(signal));
    if (disposition === "continue" || signal === SIGNALS.CONT) this.#continue(process);
    if (handler) queueMicrotask(() => process.alive && handler());
    else if (safe) return;
    else if (disposition === "stop") this.#stop(process);
    else if (disposition === "terminate") this.#terminate(process, signal);
  }

  #terminate(process: Process, signal: number): void {
    const stopped = process.state === "stopped" && signal !== SIGNALS.KILL;
    if (stopped || this.#isHeld(process)) process.pendingKill = signal;
    else this.exit(process, { code: 0, signal });
  }

  #stop(process: Process): void {
    process.state = "stopped";
    this.onChange(process);
  }

  #continue(process: Process): void {
    if (process.state === "stopped") process.state = "running";
    this.wake(process);
  }

  /** After SIGCONT, a freeze or a thaw: what waited goes on, or ends. */
  wake(process: Process): void {
    this.onChange(process);
    if (!process.mayRun) return;
    if (process.pendingKill !== undefined) {
      this.exit(process, { code: 0, signal: process.pendingKill });
      return;
    }
    const { resolve } = process.resumed;
    process.resumed = Promise.withResolvers<void>();
    resolve();
  }

  /** Waits while the process is stopped or frozen. False if it has ended. */
  async mayRun(process: Process): Promise<boolean> {
    while (process.alive && !process.mayRun) {
      await process.resumed.promise;
    }
    return process.alive;
  }
}
