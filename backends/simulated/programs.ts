// How a program runs in a process: what it is handed, and what becomes of it. A program that
// returns exits, one that throws exits with 1 and says why, and one whose process was killed
// unwinds unheard.

import { SIGNALS } from "@nacre/core/program/signals.ts";
import { callAfter, SimulatedClock } from "./clock.ts";
import { shownCredentials } from "./credentials.ts";
import { fail } from "./errno.ts";
import { become, findImage, named } from "./exec.ts";
import type { Machine } from "./machine.ts";
import { openFile } from "./open-file.ts";
import { Pipe } from "./pipe.ts";
import { type Process, ProcessGone, type Streams } from "./process.ts";
import { kill, setHandler } from "./process-calls.ts";
import type {
  ChildOptions,
  ChildProgram,
  ProgramContext,
  Signal,
  SignalHandler,
  SimulatedProgram,
  SpawnOptions,
} from "./program.ts";
import { ProgramFiles } from "./program-files.ts";
import { programResources } from "./program-resources.ts";
import { ProgramStream, waited } from "./program-stream.ts";
import { programSystem } from "./program-system.ts";
import { requireCall } from "./seccomp.ts";
import { IGNORE, isForced, LAST_SIGNAL } from "./signals.ts";

/** Thrown by `execute`: another program has taken this one's place. */
class Replaced extends Error {
  readonly program: SimulatedProgram;

  constructor(program: SimulatedProgram) {
    super("replaced");
    this.program = program;
  }
}

/** Lets `program` run in `process` until it returns, fails or is killed. */
export function run(machine: Machine, process: Process, program: SimulatedProgram): void {
  void (async () => {
    let next: SimulatedProgram | undefined = program;
    while (next) next = await runOne(machine, process, next);
  })();
}

/** Resolves to the program that took its place, if one did. */
async function runOne(
  machine: Machine,
  process: Process,
  program: SimulatedProgram,
): Promise<SimulatedProgram | undefined> {
  try {
    if (!(await machine.processes.mayRun(process))) return undefined;
    exit(machine, process, (await program(contextOf(machine, process))) ?? 0);
  } catch (error) {
    if (error instanceof Replaced) {
      machine.loadProgram(process);
      return error.program;
    }
    await failed(machine, process, error);
  }
  return undefined;
}

/** What a program throws ends it with 1, and is said on its standard error. */
async function failed(machine: Machine, process: Process, error: unknown): Promise<void> {
  if (error instanceof ProcessGone || !process.alive) return;
  const text = error instanceof Error ? error.message : String(error);
  const bytes = new TextEncoder().encode(`${process.command}: ${text}\n`);
  await process.streams.stderr.write(bytes).catch(() => {});
  exit(machine, process, 1);
}

function exit(machine: Machine, process: Process, code: number): void {
  machine.processes.exit(process, { code: code & 0xff, signal: 0 });
}

const numberOf = (signal: Signal): number =>
  typeof signal === "number" ? signal : SIGNALS[signal];

function handle(machine: Machine, process: Process, signal: number, handler: SignalHandler): void {
  if (isForced(signal) || signal < 1 || signal > LAST_SIGNAL) fail("EINVAL");
  if (handler === "default") setHandler(machine, process, signal, undefined);
  else if (handler === "ignore") setHandler(machine, process, signal, IGNORE);
  else {
    setHandler(machine, process, signal, () => {
      try {
        handler();
      } catch (error) {
        void failed(machine, process, error);
      }
    });
  }
}

function streamsOf(process: Process, options: ChildOptions): Streams {
  const { stdin, stdout, stderr } = process.streams;
  return {
    stdin: options.stdin?.descriptor() ?? stdin.duplicate(),
    stdout: options.stdout?.descriptor() ?? stdout.duplicate(),
    stderr: options.stderr?.descriptor() ?? stderr.duplicate(),
  };
}

const environmentOf = (process: Process, options: ChildOptions): readonly string[] =>
  options.environment
    ? Object.entries(options.environment).map(([name, value]) => `${name}=${value}`)
    : process.environment;

function childOf(machine: Machine, parent: Process, child: Process): ChildProgram {
  const namespace = parent.namespaces.pid;
  return {
    pid: child.pidIn(namespace) as number,
    kill: (signal) => machine.processes.signal(child, numberOf(signal), namespace),
    exited: child.ended.promise.then(({ code, signal }) => {
      machine.processes.reap(child);
      return signal > 0 ? 128 + signal : code;
    }),
  };
}

async function execute(
  machine: Machine,
  process: Process,
  command: readonly string[],
  options: SpawnOptions,
): Promise<never> {
  if (!process.alive) throw new ProcessGone();
  requireCall(machine, process, "execve");
  const environment = environmentOf(process, options);
  const image = machine.as(process, () =>
    named(findImage(machine, process, command, environment), options.name),
  );
  const before = Object.values(process.streams);
  process.streams = streamsOf(process, options);
  for (const stream of before) stream.close();
  become(process, image, environment);
  throw new Replaced(image.program);
}

function pipe(machine: Machine, process: Process): ReturnType<ProgramContext["pipe"]> {
  const made = new Pipe();
  return {
    input: new ProgramStream(machine, process, made.readEnd()),
    output: new ProgramStream(machine, process, made.writeEnd()),
  };
}

function sleep(machine: Machine, process: Process, delayMs: number): Promise<void> {
  let cancel: (() => void) | undefined;
  const slept = (): Promise<void> =>
    new Promise((resolve) => {
      cancel = callAfter(machine.clock, delayMs, resolve);
    });
  return waited(machine, process, slept, () => cancel?.());
}

function children(
  machine: Machine,
  process: Process,
): Pick<ProgramContext, "spawn" | "fork" | "execute"> {
  return {
    spawn: async (command, options = {}) => {
      if (!process.alive) throw new ProcessGone();
      requireCall(machine, process, "clone", BigInt(SIGNALS.CHLD));
      const streams = streamsOf(process, options);
      const environment = environmentOf(process, options);
      const from = { streams, environment, name: options.name };
      const child = machine.as(process, () => machine.spawn(process, command, from));
      return childOf(machine, process, child);
    },
    fork: (program, options = {}) => {
      if (!process.alive) throw new ProcessGone();
      requireCall(machine, process, "clone", BigInt(SIGNALS.CHLD));
      const streams = streamsOf(process, options);
      const child = machine.as(process, () => machine.fork(process, streams));
      child.environment = environmentOf(process, options);
      machine.start(child, program);
      return childOf(machine, process, child);
    },
    execute: (command, options = {}) => execute(machine, process, command, options),
  };
}

function contextOf(machine: Machine, process: Process): ProgramContext {
  const stream = (name: keyof Streams): ProgramStream =>
    new ProgramStream(machine, process, process.streams[name]);
  const namespace = process.namespaces.pid;
  return {
    arguments: process.arguments,
    environment: Object.fromEntries(
      process.environment.map((entry) => {
        const equals = entry.indexOf("=");
        return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
      }),
    ),
    stdin: stream("stdin"),
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    passed: new Map(
      [...process.passed].map(([number, one]) => [
        number,
        new ProgramStream(machine, process, one),
      ]),
    ),
    interactive: process.terminal !== undefined,
    terminal: process.terminal,
    files: new ProgramFiles(machine, process),
    system: programSystem(machine, process),
    resources: programResources(machine, process),
    pid: process.pidIn(namespace) as number,
    parentPid: process.parent?.pidIn(namespace) ?? 0,
    get credentials() {
      return shownCredentials(process.credentials);
    },
    get signal() {
      return process.signal;
    },
    nowMs: () => machine.clock.nowMs(),
    sleep: (delayMs) => sleep(machine, process, delayMs),
    outside: (work) =>
      machine.clock instanceof SimulatedClock ? machine.clock.standDuring(work) : work,
    handle: (signal, handler) => handle(machine, process, numberOf(signal), handler),
    kill: (pid, signal) => {
      kill(machine, process, pid, numberOf(signal));
      if (!process.alive) throw new ProcessGone();
    },
    ...children(machine, process),
    pipe: () => pipe(machine, process),
    open: (path, how) => {
      requireCall(machine, process, "openat");
      return new ProgramStream(machine, process, openFile(machine, process, path, how));
    },
    exit: (code) => {
      exit(machine, process, code);
      throw new ProcessGone();
    },
  };
}
