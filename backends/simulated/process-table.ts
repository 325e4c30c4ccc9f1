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
import { defaultDisposition, IGNORE, isForced, LAST_SIGNAL, STOPPING } from "./signals.ts";
import type { Terminal } from "./terminal.ts";

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
    const { parent } = process;
    process.state = "zombie";
    process.status = status;
    process.pending.clear();
    process.endWaits();
    process.resumed.resolve();
    if (process.isInit) this.#endNamespace(process.namespaces.pid);
    if (process.session === process && process.terminal) this.#leaveTerminal(process.terminal);
    this.#orphan(process);
    this.onChange(process);
    this.#cgroups.leave(process);
    const { stdin, stdout, stderr } = process.streams;
    for (const stream of [stdin, stdout, stderr, ...process.passed.values()]) stream.close();
    process.open.clear();
    process.files.clear();
    this.onExit(process);
    if (parent?.alive) this.#hangUpOrphans(process, parent);
    process.ended.resolve(status);
    this.#tellParent(process);
  }

  /** What is typed at a terminal for all who are in front, each by its own namespace. */
  signalFront({ front }: Terminal, signal: number): void {
    for (const one of this.all()) {
      if (front && one.group === front) this.signal(one, signal, one.namespaces.pid);
    }
  }

  /** disassociate_ctty: with the first of its session a terminal has nobody in front any more. */
  #leaveTerminal(terminal: Terminal): void {
    this.signalFront(terminal, SIGNALS.HUP);
    terminal.front = undefined;
  }

  /** SIGCHLD. The machine's first process, and who ignores it, never have zombies. */
  #tellParent(process: Process): void {
    const { parent } = process;
    const ignores = parent?.handlers.get(SIGNALS.CHLD) === IGNORE;
    if (parent?.alive) this.signal(parent, SIGNALS.CHLD, process.namespaces.pid);
    if (process.state !== "zombie") return;
    if (!parent || parent.parent === undefined || ignores) this.reap(process);
  }

  #endNamespace(namespace: PidNamespace): void {
    namespace.dead = true;
    // It waits for all that it kills, and wants to hear nothing of it.
    namespace.init?.handlers.set(SIGNALS.CHLD, IGNORE);
    for (const member of [...namespace.members.values()]) {
      if (member.alive) this.exit(member, { code: 0, signal: SIGNALS.KILL });
      // Only what has its parent in the namespace is waited for; the rest waits for its own.
      if (member !== namespace.init && member.parent?.pids.has(namespace)) this.reap(member);
    }
  }

  #orphan(process: Process): void {
    const { init } = process.namespaces.pid;
    const reaper = init && init !== process && init.alive ? init : this.#machineInit(process);
    for (const child of [...process.children]) {
      process.children.delete(child);
      child.parent = reaper;
      reaper?.children.add(child);
      if (child.state === "zombie") this.#tellParent(child);
      else this.#hangUpOrphans(child, process);
    }
  }

  #machineInit(process: Process): Process | undefined {
    return [...process.namespaces.pid.lineage()].at(-1)?.init;
  }

  /**
   * Whether nobody of the session but outside the group is the parent of anybody in it: then no
   * shell would ever continue what is stopped.
   */
  #isOrphaned(group: Process, without?: Process): boolean {
    return this.all().every((member) => {
      if (member.group !== group || member === without || !member.alive) return true;
      const { parent } = member;
      if (!parent || parent.parent === undefined) return true;
      return parent.group === group || parent.session !== member.session;
    });
  }

  /** A group that loses its last link to its session, with something stopped in it. */
  #hangUpOrphans(process: Process, parent: Process): void {
    const { group } = process;
    if (parent.group === group || parent.session !== process.session) return;
    const members = this.all().filter((one) => one.group === group && one.alive);
    if (!members.some((one) => one.state === "stopped")) return;
    if (!this.#isOrphaned(group, process.alive ? undefined : process)) return;
    for (const signal of [SIGNALS.HUP, SIGNALS.CONT]) {
      for (const member of members) this.signal(member, signal, member.namespaces.pid);
    }
  }

  /** wait(2) for a zombie: its number is free. */
  reap(process: Process): void {
    if (process.state !== "zombie") return;
    process.state = "dead";
    this.#cgroups.reaped(process);
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
    if (signal === SIGNALS.CONT) {
      for (const stop of STOPPING) process.pending.delete(stop);
      this.#continue(process);
    } else if (STOPPING.includes(signal)) process.pending.delete(SIGNALS.CONT);
    if (this.#isDropped(process, signal, from)) return;
    process.pending.add(signal);
    this.deliver(process);
  }

  /** What is ignored is not even kept; an init takes no harm from its own (pid_namespaces(7)). */
  #isDropped(process: Process, signal: number, from: PidNamespace): boolean {
    if (process.blocked.has(signal)) return false;
    const handler = isForced(signal) ? undefined : process.handlers.get(signal);
    if (handler) return handler === IGNORE;
    const outside = from !== process.namespaces.pid && from.contains(process.namespaces.pid);
    if (process.isInit && !(outside && isForced(signal))) return true;
    const disposition = defaultDisposition(signal);
    return disposition === "ignore" || disposition === "continue";
  }

  /** Acts on what is pending and not blocked, the lowest number first, SIGKILL before all. */
  deliver(process: Process): void {
    while (process.alive) {
      const killed = process.pending.has(SIGNALS.KILL);
      const waits = !process.mayRun;
      if (this.#isHeld(process) || (waits && !killed)) return;
      const ready = [...process.pending].filter((signal) => !process.blocked.has(signal));
      const signal = killed ? SIGNALS.KILL : Math.min(...ready);
      if (!Number.isFinite(signal)) return;
      process.pending.delete(signal);
      this.#act(process, signal);
    }
  }

  #act(process: Process, signal: number): void {
    const handler = isForced(signal) ? undefined : process.handlers.get(signal);
    if (handler) {
      queueMicrotask(() => process.alive && handler());
      return;
    }
    if (process.isInit && !isForced(signal)) return;
    const disposition = defaultDisposition(signal);
    if (disposition === "terminate") this.exit(process, { code: 0, signal });
    else if (disposition === "stop") this.#stop(process, signal);
  }

  #stop(process: Process, signal: number): void {
    if (signal !== SIGNALS.STOP && this.#isOrphaned(process.group)) return;
    process.state = "stopped";
    process.change = { kind: "stopped", signal };
    this.#tellChange(process);
  }

  #continue(process: Process): void {
    if (process.state === "stopped") {
      process.state = "running";
      process.change = { kind: "continued", signal: SIGNALS.CONT };
      this.#tellChange(process);
    }
    this.wake(process);
  }

  #tellChange(process: Process): void {
    this.onChange(process);
    const { parent, namespaces } = process;
    if (parent?.alive) this.signal(parent, SIGNALS.CHLD, namespaces.pid);
  }

  /** After SIGCONT, a freeze or a thaw: what waited goes on, or ends. */
  wake(process: Process): void {
    this.onChange(process);
    this.deliver(process);
    if (!process.mayRun) return;
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
