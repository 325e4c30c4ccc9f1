import type { Operation } from "../program/operation.ts";
import { token } from "./token.ts";

/** A container's process as it would be executed: command line, environment, directory, all settled. */
export interface RuntimeProcess {
  /** The command line, from entrypoint and command; never empty. */
  readonly arguments: readonly string[];
  /** `K=V`. */
  readonly environment: readonly string[];
  /** Absolute, in the container's root. */
  readonly workingDirectory: string;
}

/** What a kernel executes in its place. */
export interface RuntimePlan {
  /**
   * Carried out in the child's mount namespace once the root and `/dev` are mounted and before the
   * root is entered: what the runtime needs beside the image's files. Below the `directory` that it
   * was given nothing of it is seen in the image or kept with the container.
   */
  readonly child: readonly Operation[];
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
}

/** Files as a process of a kernel in memory sees them. Calls fail as system calls do, with `errno`. */
export interface InterpretedFiles {
  readBytes(path: string): Uint8Array;
  list(path: string): string[];
  /** stat(2), or lstat(2) with `follow: false`. */
  status(
    path: string,
    options?: { readonly follow?: boolean },
  ): { readonly kind: string; readonly mode: number; readonly sizeBytes: number };
  readLink(path: string): string;
  /** Makes the file or replaces what it holds. */
  write(path: string, data: Uint8Array): void;
  makeDirectory(path: string): void;
  remove(path: string): void;
  removeDirectory(path: string): void;
}

/** A process of a kernel in memory whose command line is a runtime's to execute. */
export interface InterpretedProcess {
  /** The interpreter's own name, then the container's command line. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** `read` gives undefined at the end. */
  readonly stdin: { read(): Promise<Uint8Array | undefined> };
  readonly stdout: { write(data: string | Uint8Array): Promise<void> };
  readonly stderr: { write(data: string | Uint8Array): Promise<void> };
  readonly files: InterpretedFiles & { workingDirectory(): string };
  /** Aborted when the process ends, by itself or killed: nothing of it may go on then. */
  readonly signal: AbortSignal;
  /** On the machine's clock, which may be virtual. */
  sleep(delayMs: number): Promise<void>;
  /** Runs `handler` where a signal, by number, would have its default effect. */
  handle(signal: number, handler: () => void): void;
}

/**
 * Executes the processes of images that are no machine code: WebAssembly modules, for one. It is
 * chosen by name (`--runtime`) or by the image's platform.
 *
 * A runtime is an interpreter, as binfmt_misc of Linux has them: it takes a command line whose
 * first word is a file of the image, and says what is executed instead. Everything else stays as
 * it is for all containers: namespaces, cgroups and their limits, the log, signals, the exit
 * record, the storage layer.
 *
 * Lifecycle: where the kernel executes machine code, `plan` is asked once for each start, and its
 * answer becomes part of the container's program; it only computes, `explain` shows what it says.
 * Where the kernel is one in memory, `interpret` runs the process itself, in the same
 * JavaScript, once for each start. Neither keeps anything between starts.
 *
 * ```ts
 * plan({ arguments: words, environment, workingDirectory }, "/dev/.nacre/lua")
 * // → { child: [bind of the interpreter], arguments: ["/dev/.nacre/lua/lua", ...words], environment }
 * ```
 *
 * Exit codes are those of a shell: the process's own, 126 for a file that the runtime cannot
 * execute, 127 for one that is not there, 128 + n where a signal ended it. What went wrong is said
 * on the process's standard error, for it is running by then.
 *
 * Errors: NacreError `unsupported` from `plan` where this host cannot do it.
 */
export interface Runtime {
  /** What `--runtime` takes. */
  readonly name: string;
  /** Pure. `directory`: an absolute path in the container, below /dev, that is the runtime's alone. */
  plan(process: RuntimeProcess, directory: string): RuntimePlan;
  /** Resolves to the exit code; stops when `process.signal` aborts. */
  interpret(process: InterpretedProcess): Promise<number>;
}

export const Runtime = token<Runtime>("Runtime");

/** Where a runtime finds its own in a container: on the /dev that every container has in memory. */
export const runtimeDirectory = (name: string): string => `/dev/.nacre/${name}`;
