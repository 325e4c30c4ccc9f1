// System calls by which processes make, direct and wait for one another: clone, wait4, kill,
// process groups and sessions.
// Source: Linux, kernel/fork.c, kernel/exit.c, kernel/signal.c, kernel/sys.c.

import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import { capable } from "./credentials.ts";
import { fail } from "./errno.ts";
import type { Machine } from "./machine.ts";
import { namespacesOfChild } from "./namespace-calls.ts";
import type { Process, Streams } from "./process.ts";
import { IGNORE, isIgnoredByDefault, LAST_SIGNAL } from "./signals.ts";

/** clone(2) with CLONE_NEW… for each of `create`; the child runs nothing yet. */
export function clone(
  machine: Machine,
  parent: Process,
  create: readonly NamespaceKind[],
  streams: Streams,
): Process {
  const { namespaces, root, cwd, credentials } = namespacesOfChild(machine, parent, create);
  const from = { root, cwd, credentials, streams, command: parent.command };
  const child = machine.processes.fork(parent, namespaces, from);
  for (const [signal, handler] of parent.handlers) child.handlers.set(signal, handler);
  return child;
}

/** The process of a number as the caller sees it, zombies included; 0 is the caller. */
function find(process: Process, pid: number): Process {
  if (pid === 0) return process;
  return process.namespaces.pid.members.get(pid) ?? fail("ESRCH");
}

const shown = (process: Process, leader: Process): number =>
  leader.pidIn(process.namespaces.pid) ?? 0;

export const getProcessGroup = (process: Process, pid: number): number =>
  shown(process, find(process, pid).group);

export const getSession = (process: Process, pid: number): number =>
  shown(process, find(process, pid).session);

export function setProcessGroup(
  machine: Machine,
  process: Process,
  pid: number,
  group: number,
): void {
  if (group < 0) fail("EINVAL");
  const changed = find(process, pid);
  if (changed.parent === process) {
    if (changed.session !== process.session) fail("EPERM");
  } else if (changed !== process) fail("ESRCH");
  if (changed.session === changed) fail("EPERM");
  const own = shown(process, changed);
  if (group === 0 || group === own) {
    changed.group = changed;
    return;
  }
  const member = machine.processes
    .all()
    .find((other) => other.group.pidIn(process.namespaces.pid) === group);
  if (!member || member.session !== process.session) fail("EPERM");
  changed.group = member.group;
}

/** setsid(2). EPERM for who leads a group already. */
export function newSession(machine: Machine, process: Process): number {
  const leads = machine.processes.all().some((other) => other.group === process);
  if (process.session === process || leads) fail("EPERM");
  process.session = process;
  process.group = process;
  return shown(process, process);
}

function maySignal(from: Process, to: Process, signal: number): boolean {
  if (from === to) return true;
  const [who, whom] = [from.credentials, to.credentials];
  const own = [who.uid, who.realUid];
  if (own.includes(whom.savedUid) || own.includes(whom.realUid)) return true;
  if (capable(who, "CAP_KILL", whom.user)) return true;
  return signal === SIGNALS.CONT && from.session === to.session;
}

/** EINVAL for what is no signal; false for who may not send it. */
export function send(machine: Machine, process: Process, to: Process, signal: number): boolean {
  if (signal < 0 || signal > LAST_SIGNAL) fail("EINVAL");
  if (!maySignal(process, to, signal)) return false;
  machine.processes.signal(to, signal, process.namespaces.pid);
  return true;
}

/** ESRCH where there is nobody; false where none of them may be sent it. */
export function sendToAny(
  machine: Machine,
  process: Process,
  targets: readonly Process[],
  signal: number,
): boolean {
  if (targets.length === 0) fail("ESRCH");
  return targets.filter((to) => send(machine, process, to, signal)).length > 0;
}

/** kill(2): a process, the caller's group (0), all but the caller and an init (-1), or a group. */
export function kill(machine: Machine, process: Process, pid: number, signal: number): void {
  const { pid: namespace } = process.namespaces;
  if (pid > 0) {
    const target = namespace.members.get(pid) ?? fail("ESRCH");
    if (!send(machine, process, target, signal)) fail("EPERM");
    return;
  }
  const isMeant = (one: Process): boolean => {
    if (pid === 0) return one.group === process.group;
    if (pid === -1) return one !== process && (one.pidIn(namespace) ?? 0) > 1;
    return one.group.pidIn(namespace) === -pid;
  };
  const targets = machine.processes.all().filter(isMeant);
  // To all: those that may not be asked do not count.
  if (!sendToAny(machine, process, targets, signal) && pid !== -1) fail("EPERM");
}

export interface WaitOptions {
  /** Whether those that have ended are meant; true unless said otherwise. */
  readonly exited?: boolean;
  readonly stopped?: boolean;
  readonly continued?: boolean;
}

export interface WaitResult {
  readonly pid: number;
  readonly how: "exited" | "killed" | "stopped" | "continued";
  /** The exit code or the signal. */
  readonly value: number;
}

/** wait4(2) with WNOHANG: undefined while none of the children asked for has changed. */
export function wait(
  machine: Machine,
  process: Process,
  pid: number,
  options: WaitOptions = {},
): WaitResult | undefined {
  const group = pid === 0 ? shown(process, process.group) : -pid;
  const wanted = [...process.children].filter((child) => {
    if (pid === -1) return true;
    return pid > 0 ? shown(process, child) === pid : shown(process, child.group) === group;
  });
  return waitAmong(machine, process, wanted, options);
}

/** The same among children that were chosen already. */
export function waitAmong(
  machine: Machine,
  process: Process,
  children: readonly Process[],
  options: WaitOptions,
): WaitResult | undefined {
  const { exited = true } = options;
  const wanted = children.filter(({ state }) => exited || state !== "zombie");
  if (wanted.length === 0) fail("ECHILD");
  for (const child of wanted) {
    const result = consider(child, shown(process, child), options);
    if (!result) continue;
    machine.processes.reap(child);
    return result;
  }
  return undefined;
}

function consider(child: Process, pid: number, options: WaitOptions): WaitResult | undefined {
  const { status, change } = child;
  if (child.state === "zombie" && status) {
    const killed = status.signal > 0;
    return { pid, how: killed ? "killed" : "exited", value: killed ? status.signal : status.code };
  }
  if (!change || !options[change.kind]) return undefined;
  child.change = undefined;
  return { pid, how: change.kind, value: change.signal };
}

/** sigprocmask(2). SIGKILL and SIGSTOP cannot be blocked. */
export function blockSignal(
  machine: Machine,
  process: Process,
  signal: number,
  block: boolean,
): void {
  if (signal < 1 || signal > LAST_SIGNAL) fail("EINVAL");
  if (signal === SIGNALS.KILL || signal === SIGNALS.STOP) return;
  if (block) process.blocked.add(signal);
  else process.blocked.delete(signal);
  machine.processes.deliver(process);
}

/** sigaction(2): what is ignored from now on is not pending any more. */
export function setHandler(
  machine: Machine,
  process: Process,
  signal: number,
  handler: (() => void) | undefined,
): void {
  if (handler) process.handlers.set(signal, handler);
  else process.handlers.delete(signal);
  const dropped = handler ? handler === IGNORE : isIgnoredByDefault(signal);
  if (dropped) process.pending.delete(signal);
  machine.processes.deliver(process);
}
