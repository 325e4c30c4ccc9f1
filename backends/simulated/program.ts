// What runs in a simulated process: a program scripted in TypeScript. It sees the machine as a
// process does, through its streams, its tree, its credentials and its signals, and reaches it by
// what the kernel offers a process: fork, execve, wait, kill, pipe, open. Every wait of it is a
// place where it can be stopped, frozen or killed.

import type { MountDescription } from "@nacre/core/program/mount-description.ts";
import type { SignalName } from "@nacre/core/program/signals.ts";
import type { Credentials } from "./credentials.ts";
import type { OpenHow } from "./open-file.ts";
import type { ResourceLimit } from "./process.ts";
import type { ProgramFiles } from "./program-files.ts";
import type { ProgramResources } from "./program-resources.ts";
import type { ProgramStream } from "./program-stream.ts";

/** By number, or by name without SIG. */
export type Signal = number | SignalName;

/** What a signal does: call something, nothing, or what signal(7) says. */
export type SignalHandler = (() => void) | "ignore" | "default";

/** What a new process gets instead of its parent's; what is left out is inherited. */
export interface ChildOptions {
  readonly stdin?: ProgramStream;
  readonly stdout?: ProgramStream;
  readonly stderr?: ProgramStream;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface SpawnOptions extends ChildOptions {
  /** What the program sees as arguments[0]; the name of the file by default. */
  readonly name?: string;
}

export interface ChildProgram {
  /** In the parent's pid namespace. */
  readonly pid: number;
  kill(signal: Signal): void;
  /** wait(2): the exit code, or 128 and the signal. The process is reaped when it ends. */
  readonly exited: Promise<number>;
}

/** uname(2). */
export interface SystemName {
  readonly system: string;
  readonly node: string;
  readonly release: string;
  readonly version: string;
  readonly machine: string;
}

/** System calls that change the machine. They fail with Errno, EPERM first of all. */
export interface ProgramSystem {
  name(): SystemName;
  /** Milliseconds since boot. */
  uptimeMs(): number;
  setHostname(name: string): void;
  /** getrlimit(2) and setrlimit(2), by the number of the resource. */
  limit(resource: number): ResourceLimit;
  setLimit(resource: number, limit: ResourceLimit): void;
  mount(mount: MountDescription, target: string): void;
  bind(source: string, target: string, options?: { readonly recursive?: boolean }): void;
  unmount(target: string, options?: { readonly detach?: boolean }): void;
}

/** A terminal as termios(3) sets it. */
export interface ProgramTerminal {
  /** As ttyname(3) says it. */
  readonly path: string;
  readonly rows: number;
  readonly columns: number;
  /** What is typed is shown. */
  echo: boolean;
  /** What is typed is handed on line by line, and can be taken back until then. */
  lines: boolean;
  /** Control-C and its like are signals. */
  signals: boolean;
  /** TIOCSWINSZ: who runs in it hears of it by SIGWINCH. */
  resize(size: { readonly rows?: number; readonly columns?: number }): void;
}

export interface ProgramContext {
  /** With the name it was called by. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: ProgramStream;
  readonly stdout: ProgramStream;
  readonly stderr: ProgramStream;
  /** What its caller has passed on beside them, by number. */
  readonly passed: ReadonlyMap<number, ProgramStream>;
  /** Whether standard input is a terminal. */
  readonly interactive: boolean;
  /** The process's terminal, if it has one. */
  readonly terminal: ProgramTerminal | undefined;
  readonly files: ProgramFiles;
  readonly system: ProgramSystem;
  readonly resources: ProgramResources;
  /** In its own pid namespace. */
  readonly pid: number;
  /** 0 where its parent is outside of its pid namespace. */
  readonly parentPid: number;
  /** By the numbers of its own user namespace. */
  readonly credentials: Credentials;
  /** Aborted when the process ends, by itself or not. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch, on the machine's clock. */
  nowMs(): number;
  /** Sleeps on the machine's clock. */
  sleep(delayMs: number): Promise<void>;
  /** Waits for something outside of the machine: a simulated clock stands still meanwhile. */
  outside<T>(work: Promise<T>): Promise<T>;
  /** What happens at a signal from now on. SIGKILL and SIGSTOP: EINVAL. */
  handle(signal: Signal, handler: SignalHandler): void;
  /** kill(2): a process of its pid namespace; 0 all of its session, -1 all that it may. */
  kill(pid: number, signal: Signal): void;
  /** fork(2) and execve(2). Rejects with Errno as execve(2) fails: ENOENT, EACCES, ENOEXEC. */
  spawn(command: readonly string[], options?: SpawnOptions): Promise<ChildProgram>;
  /** fork(2): the child runs `program` under the name and arguments of its parent. */
  fork(program: SimulatedProgram, options?: ChildOptions): ChildProgram;
  /** execve(2): this process becomes another program; returns only if that fails, with Errno. */
  execute(command: readonly string[], options?: SpawnOptions): Promise<never>;
  /** pipe(2). */
  pipe(): { readonly input: ProgramStream; readonly output: ProgramStream };
  /** open(2). */
  open(path: string, how: OpenHow): ProgramStream;
  /** exit_group(2). */
  exit(code: number): never;
}

/** Resolves to the exit code; none is 0, and an error that it throws is 1 with its message. */
export type SimulatedProgram = (
  context: ProgramContext,
) => Promise<number> | Promise<void> | number | undefined;

/**
 * A program of the simulated kernel. It is executed by the name of the file that the registry
 * knows it under.
 *
 * ```ts
 * const greeter = defineProgram(async ({ arguments: [, who = "you"], stdout, sleep }) => {
 *   await sleep(1000); // of virtual time
 *   await stdout.write(`hello ${who}\n`);
 * });
 * ```
 */
export function defineProgram(program: SimulatedProgram): SimulatedProgram {
  return program;
}
