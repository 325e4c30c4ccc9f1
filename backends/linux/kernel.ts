// The Kernel port on Linux. Every program is executed by one nacre-init (native/): it is handed
// the program on descriptor 3, reports on descriptor 4, and stays as the process's parent.

import type { ChildProcess, StdioOptions } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Readable, Writable } from "node:stream";
import { NacreError } from "@nacre/core/error.ts";
import type {
  ExitStatus,
  Kernel,
  KernelFacts,
  MountEntry,
  ProcessIdentity,
  ProcessStreams,
  RunningProgram,
} from "@nacre/core/ports/kernel.ts";
import { parseExitRecord } from "@nacre/core/program/exit-record.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { encodeProgram } from "@nacre/core/program/wire.ts";
import { errnoName } from "./errno.ts";
import { probeFacts } from "./facts.ts";
import { operationError } from "./fault.ts";
import { parseMountinfo } from "./mountinfo.ts";
import { identify, isAlive, namespacesOf, sendSignal } from "./process.ts";
import { type Failure, type Report, ReportReader } from "./report.ts";

// `require` loads these in a tenth of the time that `import` takes, and only when needed.
const require = createRequire(import.meta.url);

export interface LinuxKernelOptions {
  /** A file in which facts are remembered, and the boot they hold for (facts.ts). */
  readonly facts?: { readonly path: string; readonly boot: string };
  /** Told of an inverse that failed when a process had ended: something of it is left. */
  readonly onUndoFailure?: (program: KernelProgram, fault: string) => void;
}

const SILENT: ProcessStreams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };

/** One nacre-init at work: its reports turned into promises. */
class Session {
  readonly child: ChildProcess;
  /** Settles with `ready` or `done`, or rejects when what was done is undone. */
  readonly started: Promise<Report>;
  readonly exited: Promise<ExitStatus>;
  readonly #program: KernelProgram;
  readonly #undoing: Failure[] = [];
  #failed: Extract<Report, { kind: "failed" | "malformed" }> | undefined;
  #ready = false;

  constructor(path: string, program: KernelProgram, streams: ProcessStreams) {
    this.#program = program;
    const { spawn } = require("node:child_process") as typeof import("node:child_process");
    const { stdin, stdout, stderr } = streams;
    const stdio: StdioOptions = [stdin, stdout, stderr, "pipe", "pipe"];
    const message = encodeProgram(program);
    // A session of its own: a terminal's signals reach the caller, who hands them on.
    this.child = spawn(path, [], { stdio, detached: true });
    const start = Promise.withResolvers<Report>();
    const exit = Promise.withResolvers<ExitStatus>();
    this.started = start.promise;
    this.exited = exit.promise;
    exit.promise.catch(() => {}); // whoever asks for it gets the rejection; nobody need ask
    this.child.once("error", (error) => start.reject(this.#cannotStart(path, error)));
    const [, , , input, report] = this.child.stdio as unknown as [0, 0, 0, Writable, Readable];
    if (!report) return;
    input.on("error", () => {}); // it ended before it read everything: the report says why
    input.end(message);
    const reader = new ReportReader();
    report.on("data", (chunk: Buffer) => {
      for (const one of reader.push(chunk)) this.#take(one, start.resolve, exit.resolve);
    });
    let left = 2; // the report's end and the process's: then nothing of it runs any more
    const ended = (): void => {
      if (--left > 0) return;
      const error = this.#end();
      start.reject(error);
      exit.reject(error);
    };
    report.once("close", ended);
    this.child.once("exit", ended);
  }

  #take(
    report: Report,
    started: (report: Report) => void,
    exited: (status: ExitStatus) => void,
  ): void {
    if (report.kind === "undo-failed") this.#undoing.push(report);
    else if (report.kind === "failed" || report.kind === "malformed") this.#failed = report;
    else if (report.kind === "exited") exited(parseExitRecord(report.record));
    else {
      this.#ready = true;
      started(report);
    }
  }

  /** Inverses that failed after the process's end. */
  get undoing(): readonly Failure[] {
    return this.#ready ? this.#undoing : [];
  }

  #end(): NacreError {
    const failed = this.#failed;
    if (failed?.kind === "failed") {
      return operationError(this.#program, failed.section, failed, this.#undoing);
    }
    if (failed) {
      return new NacreError("internal", `nacre-init refused the program: ${failed.line}`);
    }
    return new NacreError("interrupted", `the supervisor of "${this.#program.title}" was killed`, {
      advice: "Its next use finds out what it left behind.",
    });
  }

  #cannotStart(path: string, error: Error): NacreError {
    const errno = (error as NodeJS.ErrnoException).code;
    return new NacreError("internal", `${path} cannot be started: ${error.message}`, {
      ...(errno && { errno }),
      advice: "Build it with `npm run build`, which needs a C compiler and make.",
      cause: error,
    });
  }
}

export class LinuxKernel implements Kernel {
  readonly #init: string;
  readonly #options: LinuxKernelOptions;
  #facts: KernelFacts | undefined;

  /** `init`: the path of nacre-init. */
  constructor(init: string, options: LinuxKernelOptions = {}) {
    this.#init = init;
    this.#options = options;
  }

  facts(): KernelFacts {
    this.#facts ??= probeFacts(this.#init, this.#options.facts);
    return this.#facts;
  }

  async perform(program: KernelProgram): Promise<void> {
    if (program.process) throw new TypeError("perform runs programs without a process");
    await new Session(this.#init, program, SILENT).started;
  }

  async execute(program: KernelProgram, streams: ProcessStreams): Promise<RunningProgram> {
    const session = new Session(this.#init, program, streams);
    const { child } = session;
    const report = await session.started;
    const supervisor = identify(child.pid as number);
    if (report.kind !== "ready") throw new TypeError("execute runs programs with a process");
    if (program.process?.supervision.detached) child.unref();
    return {
      process: { pid: report.pid, startTime: report.startTime },
      // A zombie by now, if the process was quick: then there is nobody left to signal.
      supervisor: supervisor ?? { pid: child.pid as number, startTime: 0n },
      stdin: child.stdin ? toWeb<WritableStream<Uint8Array>>("Writable", child.stdin) : undefined,
      stdout: child.stdout
        ? toWeb<ReadableStream<Uint8Array>>("Readable", child.stdout)
        : undefined,
      stderr: child.stderr
        ? toWeb<ReadableStream<Uint8Array>>("Readable", child.stderr)
        : undefined,
      exited: program.process?.supervision.detached
        ? new Promise<ExitStatus>(() => {})
        : session.exited.then((status) => this.#settle(program, session, status)),
      signal: (number) => {
        if (supervisor) sendSignal(supervisor, number);
      },
    };
  }

  #settle(program: KernelProgram, session: Session, status: ExitStatus): ExitStatus {
    for (const { index, errno, detail } of session.undoing) {
      this.#options.onUndoFailure?.(program, `operation ${index}: ${errnoName(errno)} ${detail}`);
    }
    return status;
  }

  signal(process: ProcessIdentity, number: number): boolean {
    return sendSignal(process, number);
  }
  alive(process: ProcessIdentity): boolean {
    return isAlive(process);
  }
  identify(pid: number): ProcessIdentity | undefined {
    return identify(pid);
  }
  namespaces(pid: number): Partial<Record<NamespaceKind, bigint>> {
    return namespacesOf(pid);
  }
  mounts(): MountEntry[] {
    return parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  }
}

/** Web streams cost milliseconds to load: only for those who asked for pipes. */
function toWeb<T>(kind: "Readable" | "Writable", stream: Readable | Writable): T {
  const streams = require("node:stream") as typeof import("node:stream");
  return (kind === "Readable"
    ? streams.Readable.toWeb(stream as Readable)
    : streams.Writable.toWeb(stream as Writable)) as unknown as T;
}
