// Operations of a container whose start is somebody else's to give, and of hooks: nacre-init's
// hook.c, become.c, and the waiting of process.c.

import { SIGNALS } from "@nacre/core/program/signals.ts";
import { capable } from "./credentials.ts";
import { because, errnoOf, fail } from "./errno.ts";
import { findImage } from "./exec.ts";
import type { Execution } from "./execution.ts";
import * as files from "./file-calls.ts";
import type { Of } from "./host-operations.ts";
import { Pipe } from "./pipe.ts";
import type { Process } from "./process.ts";

/** Where a child waits for its start, and where the rest of it is told. */
export class StartPoint {
  /** Resolves when the child has come to its wait. */
  readonly waits = Promise.withResolvers<void>();
  /** Resolved by whoever starts it. */
  readonly begun = Promise.withResolvers<void>();
  /** How it went. */
  readonly executed = Promise.withResolvers<void>();
  taken = false;

  constructor() {
    this.executed.promise.catch(() => {}); // whoever began it gets the rejection
  }
}

/** The name of a socket: what had it is replaced. */
export function makeSocket(process: Process, path: string): void {
  try {
    files.unlink(process, path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  files.makeNode(process, path, "socket", 0o600, undefined);
}

export async function awaitStart(self: Execution): Promise<void> {
  const { startPoint } = self;
  if (!startPoint) return;
  startPoint.waits.resolve();
  await startPoint.begun.promise;
}

export function findProgram(self: Execution, o: Of<"findProgram">): void {
  because(o.arguments[0] ?? "no command", () =>
    findImage(self.machine, self.process, o.arguments, o.environment),
  );
}

/** Of /proc/self there is what procfs has, and the offsets of a time namespace that has no clock of its own. */
export function writeOwnFile(self: Execution, o: Of<"writeOwnFile">): void {
  if (o.name.startsWith("/") || o.name.split("/").includes("..")) fail("EXDEV", o.name);
  const { process } = self;
  const offset = /^(monotonic|boottime|1|7) (-?\d+) (\d+)$/;
  if (o.name !== "timens_offsets") fail("ENOENT", `open /proc/self/${o.name}`);
  // It is root's: who carries this out is not dumpable (proc(5)).
  const { credentials } = process;
  if (credentials.fsUid !== 0 && !capable(credentials, "CAP_DAC_OVERRIDE")) {
    fail("EACCES", `open /proc/self/${o.name}`);
  }
  const lines = o.data.trim().split("\n");
  if (!lines.every((line) => offset.test(line))) fail("EINVAL", "write");
  if (!capable(credentials, "CAP_SYS_TIME")) fail("EPERM", "write");
  if (process.timeForChildren === process.namespaces.time) fail("EACCES", "write");
}

/** Every persona that a 64-bit kernel has is taken. */
export function setPersonality(): void {}

/** Bits above the lowest three are hints (block/ioprio.c, ioprio_check_cap). */
export function setIoPriority(self: Execution, o: Of<"setIoPriority">): void {
  if (o.class < 0 || o.class > 3) fail("EINVAL", "ioprio_set");
  if (o.class === 1) mayRaise(self, "ioprio_set");
  if (o.class === 0 && (o.priority & 7) !== 0) fail("EINVAL", "ioprio_set");
}

const [DEFAULT, PREFERRED, BIND, LOCAL, PREFERRED_MANY, MOST] = [0, 1, 2, 4, 5, 6];
const [BALANCING, RELATIVE, STATIC] = [0x2000, 0x4000, 0x8000];
const FLAGS = BALANCING | RELATIVE | STATIC;

/** The machine has one node, 0, on which relative ones fall, too (mm/mempolicy.c). */
export function setMemoryPolicy(_: Execution, o: Of<"setMemoryPolicy">): void {
  const [mode, flags] = [o.mode & ~FLAGS, o.mode & FLAGS];
  const [first = 0n, ...rest] = o.nodes;
  const none = first === 0n;
  const balances = mode === BIND || mode === PREFERRED_MANY;
  const sound =
    mode <= MOST &&
    (flags & (RELATIVE | STATIC)) !== (RELATIVE | STATIC) &&
    ((flags & BALANCING) === 0 || balances) &&
    rest.every((word) => word === 0n);
  const withoutNodes = mode === LOCAL || (mode === PREFERRED && none);
  const fits =
    mode === DEFAULT
      ? none
      : withoutNodes
        ? none && flags === 0
        : (flags & RELATIVE) !== 0
          ? !none
          : (first & 1n) !== 0n;
  if (!sound || !fits) fail("EINVAL", "set_mempolicy");
}

const [NORMAL, FIFO, ROUND_ROBIN, BATCH, IDLE, DEADLINE] = [0, 1, 2, 3, 5, 6];

/** What is idle has no niceness, and leaves that with a right to any (kernel/sched/syscalls.c). */
export function setScheduler(self: Execution, o: Of<"setScheduler">): void {
  const { process } = self;
  const realtime = o.policy === FIFO || o.policy === ROUND_ROBIN;
  const fair = o.policy === NORMAL || o.policy === BATCH;
  const known = realtime || fair || o.policy === IDLE || o.policy === DEADLINE;
  if (!known || realtime !== o.priority > 0) fail("EINVAL", "sched_setattr");
  if (realtime || o.policy === DEADLINE) mayRaise(self, "sched_setattr");
  const nice = Math.min(Math.max(o.nice, -20), 19);
  if (fair && nice < process.nice) mayRaise(self, "sched_setattr");
  if (process.isIdle && o.policy !== IDLE) mayRaise(self, "sched_setattr");
  process.isIdle = o.policy === IDLE;
  if (fair) process.nice = nice;
}

function mayRaise(self: Execution, call: string): void {
  if (!capable(self.process.credentials, "CAP_SYS_NICE")) fail("EPERM", call);
}

/** A pid as whoever runs the hook sees it. */
function pidFor(self: Execution, by: Process): number | undefined {
  const subject = self.section === "child" ? self.process : self.child;
  return subject?.pidIn(by.namespaces.pid);
}

/** The hook is of the child's parent, or of who carries the section out. */
function runner(self: Execution, o: Of<"runHook">): Process {
  return o.by === "parent" && self.section === "child"
    ? (self.process.parent ?? fail("EPIPE", "the parent is gone"))
    : self.process;
}

export async function runHook(self: Execution, o: Of<"runHook">): Promise<void> {
  const { machine } = self;
  const by = runner(self, o);
  const pid = o.pid ?? pidFor(self, by);
  const [input, output] = [new Pipe(), new Pipe()];
  const stdin = input.readEnd();
  const end = input.writeEnd();
  await end.write(new TextEncoder().encode(`${o.before}${pid ?? ""}${o.after}`));
  end.close();
  const streams = {
    stdin,
    stdout: output.writeEnd(),
    stderr: output.writeEnd(),
  };
  const words = [o.path, ...o.arguments.slice(1)];
  let hook: Process;
  try {
    const options = { environment: o.environment, streams, name: o.arguments[0] ?? o.path };
    hook = machine.as(by, () => machine.spawn(by, words, options));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    const code = errnoOf(error) === "ENOENT" ? 127 : 126;
    fail("ECANCELED", `${o.path} exited with ${code}`);
  }
  await ended(self, o, hook);
}

async function ended(self: Execution, o: Of<"runHook">, hook: Process): Promise<void> {
  const { processes, clock } = self.machine;
  const done = new AbortController();
  const late =
    o.timeoutMs > 0
      ? clock.sleep(o.timeoutMs, done.signal).then(
          () => "late" as const,
          () => "late" as const,
        )
      : new Promise<never>(() => {});
  const end = await Promise.race([hook.ended.promise, late]);
  done.abort();
  if (end === "late") {
    processes.exit(hook, { code: 0, signal: SIGNALS.KILL });
    processes.reap(hook);
    fail("ETIMEDOUT", `${o.path} did not end in ${o.timeoutMs} ms`);
  }
  processes.reap(hook);
  if (end.signal > 0) fail("ECANCELED", `${o.path} ended by signal ${end.signal}`);
  if (end.code > 0) fail("ECANCELED", `${o.path} exited with ${end.code}`);
}
