// What runs in a simulated process: a scripted program, found by the name of the file that
// execve(2) was given. It sees the machine as a process does: through its streams, its tree and
// its signals. Every wait of it is a place where it can be stopped, frozen or killed.

import { NacreError } from "@nacre/core/error.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import { Errno, errnoOf } from "./errno.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";
import { ProgramFiles } from "./program-files.ts";

export interface ProgramInput {
  /** Undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** All that comes until the end. */
  text(): Promise<string>;
}

export interface ProgramOutput {
  write(data: string | Uint8Array): Promise<void>;
}

export interface ProgramContext {
  /** With the name it was called by. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: ProgramInput;
  readonly stdout: ProgramOutput;
  readonly stderr: ProgramOutput;
  readonly files: ProgramFiles;
  /** In its own pid namespace. */
  readonly pid: number;
  /** Aborted when the process ends, by itself or not. */
  readonly signal: AbortSignal;
  sleep(delayMs: number): Promise<void>;
  /** Runs `handler` instead of the default disposition of a signal. */
  handle(signal: number, handler: () => void): void;
  /** fork(2) and execve(2) of another program, with this one's streams; resolves when it runs. */
  spawn(command: readonly string[]): Promise<ChildProgram>;
}

export interface ChildProgram {
  readonly pid: number;
  kill(signal: number): void;
  /** wait(2): the exit code, or 128 and the signal. */
  readonly exited: Promise<number>;
}

/** Resolves to the exit code. */
export type SimulatedProgram = (context: ProgramContext) => Promise<number>;

/** Thrown inside a program whose process has ended, so that it unwinds; nobody sees it. */
class ProcessEnded extends Error {}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export type Spawn = (parent: Process, command: readonly string[]) => Process;

/** Lets `program` run in `process` until it returns, fails or is killed. */
export function run(
  machine: Machine,
  process: Process,
  program: SimulatedProgram,
  spawn: Spawn,
): void {
  const context = contextOf(machine, process, spawn);
  const exit = (code: number): void => machine.processes.exit(process, { code, signal: 0 });
  Promise.resolve()
    .then(async () => {
      if (!(await machine.processes.mayRun(process))) return;
      exit((await program(context)) & 0xff);
    })
    .catch(async (error: unknown) => {
      if (error instanceof ProcessEnded || !process.alive) return;
      const text = error instanceof Error ? error.message : String(error);
      await process.streams.stderr
        .write(encoder.encode(`${process.command}: ${text}\n`))
        .catch(() => {});
      exit(1);
    });
}

/** A call that waits, and that a stopped process does not come back from before it goes on. */
async function waited<T>(machine: Machine, process: Process, call: () => Promise<T>): Promise<T> {
  const ended = process.ended.promise.then(() => {
    throw new ProcessEnded();
  });
  ended.catch(() => {});
  if (!(await machine.processes.mayRun(process))) throw new ProcessEnded();
  const result = await Promise.race([call(), ended]);
  if (!(await machine.processes.mayRun(process))) throw new ProcessEnded();
  return result;
}

async function write(
  machine: Machine,
  process: Process,
  to: "stdout" | "stderr",
  data: string | Uint8Array,
) {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  try {
    await waited(machine, process, () => process.streams[to].write(bytes));
  } catch (error) {
    // A write into a pipe that nobody reads any more raises SIGPIPE.
    if (errnoOf(error) === "EPIPE") {
      machine.processes.signal(process, SIGNALS.PIPE, process.namespaces.pid);
      if (!process.alive) throw new ProcessEnded();
    }
    throw error;
  }
}

function contextOf(machine: Machine, process: Process, spawn: Spawn): ProgramContext {
  const read = () => waited(machine, process, () => process.streams.stdin.read());
  return {
    arguments: process.arguments,
    environment: Object.fromEntries(
      process.environment.map((entry) => {
        const equals = entry.indexOf("=");
        return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
      }),
    ),
    stdin: {
      read,
      async text() {
        let text = "";
        for (let chunk = await read(); chunk; chunk = await read()) text += decoder.decode(chunk);
        return text;
      },
    },
    stdout: { write: (data) => write(machine, process, "stdout", data) },
    stderr: { write: (data) => write(machine, process, "stderr", data) },
    files: new ProgramFiles(machine, process),
    pid: process.pidIn(process.namespaces.pid) as number,
    signal: process.killed.signal,
    sleep: (delayMs) => waited(machine, process, () => sleepUntilKilled(machine, process, delayMs)),
    handle: (signal, handler) => {
      process.handlers.set(signal, handler);
    },
    spawn: async (command) => {
      if (!process.alive) throw new ProcessEnded();
      const child = machine.as(process, () => spawn(process, command));
      return {
        pid: child.pidIn(process.namespaces.pid) as number,
        kill: (signal) => machine.processes.signal(child, signal, process.namespaces.pid),
        exited: child.ended.promise.then(({ code, signal }) => {
          machine.processes.reap(child);
          return signal > 0 ? 128 + signal : code;
        }),
      };
    },
  };
}

async function sleepUntilKilled(machine: Machine, process: Process, delayMs: number) {
  try {
    await machine.clock.sleep(delayMs, process.killed.signal);
  } catch (error) {
    if (error instanceof NacreError && error.kind === "interrupted") throw new ProcessEnded();
    throw error;
  }
}

/** Programs that every simulated machine has in /bin. */
export const BUILT_IN: ReadonlyMap<string, SimulatedProgram> = new Map<string, SimulatedProgram>([
  ["true", async () => 0],
  ["false", async () => 1],
  [
    "echo",
    async (context) => {
      const [, ...words] = context.arguments;
      const bare = words[0] === "-n";
      await context.stdout.write(`${words.slice(bare ? 1 : 0).join(" ")}${bare ? "" : "\n"}`);
      return 0;
    },
  ],
  ["cat", cat],
  [
    "sleep",
    async (context) => {
      const seconds = Number(context.arguments[1]);
      if (!Number.isFinite(seconds) || seconds < 0) {
        await context.stderr.write(
          `sleep: invalid time interval '${context.arguments[1] ?? ""}'\n`,
        );
        return 1;
      }
      await context.sleep(seconds * 1000);
      return 0;
    },
  ],
]);

async function cat(context: ProgramContext): Promise<number> {
  const [, ...names] = context.arguments;
  let code = 0;
  for (const name of names.length > 0 ? names : ["-"]) {
    try {
      if (name !== "-") await context.stdout.write(context.files.readBytes(name));
      else
        for (let chunk = await context.stdin.read(); chunk; chunk = await context.stdin.read()) {
          await context.stdout.write(chunk);
        }
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      await context.stderr.write(`cat: ${name}: ${error.errno}\n`);
      code = 1;
    }
  }
  return code;
}
