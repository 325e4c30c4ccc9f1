// The Kernel port on Linux. Every program is executed by one nacre-init (native/): it is handed
// the program on descriptor 3, reports on descriptor 4, and stays as the process's parent.

import { readFileSync } from "node:fs";
import { NacreError } from "@nacre/core/error.ts";
import { parseMountinfo } from "@nacre/core/mountinfo.ts";
import type {
  AttachedStreams,
  ExitStatus,
  HeldRoot,
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
import { whenUsed } from "@nacre/core/when-used.ts";
import { errnoName } from "./errno.ts";
import { probeFacts } from "./facts.ts";
import { operationError } from "./fault.ts";
import { type Launched, Launcher, type LaunchListener } from "./launch.ts";
import { holdRoot, identify, isAlive, namespacesOf, sendSignal } from "./process.ts";
import { type Failure, type Report, ReportReader } from "./report.ts";

export interface LinuxKernelOptions {
  /** A file in which facts are remembered, and the boot they hold for (facts.ts). */
  readonly facts?: { readonly path: string; readonly boot: string };
  /** The release of an older kernel, whose ways are gone on this one. */
  readonly assume?: string;
  /** Why a user who is not root got no user namespace (native/rootless.c). */
  readonly refused?: string;
  /** Path of addon.node; without it nacre-init is started by child_process. */
  readonly addon?: string;
  /** This process ends at once when it exits: for short commands. */
  readonly endsWithProcess?: boolean;
  /** Told of an inverse that failed when a process had ended: something of it is left. */
  readonly onUndoFailure?: (program: KernelProgram, fault: string) => void;
}

const SILENT: ProcessStreams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };

/** One nacre-init at work: its reports turned into promises. */
class Session implements LaunchListener {
  /** Settles with `ready` or `done`, or rejects when what was done is undone. */
  readonly started: Promise<Report>;
  readonly exited: Promise<ExitStatus>;
  readonly left: Promise<void>;
  readonly #program: KernelProgram;
  readonly #reader = new ReportReader();
  readonly #start = Promise.withResolvers<Report>();
  readonly #exit = Promise.withResolvers<ExitStatus>();
  readonly #leave = Promise.withResolvers<void>();
  readonly #undoing: Failure[] = [];
  #failed: Extract<Report, { kind: "failed" | "malformed" }> | undefined;
  #ready = false;
  #isLeft = false;

  constructor(program: KernelProgram) {
    this.#program = program;
    this.started = this.#start.promise;
    this.exited = this.#exit.promise;
    this.left = this.#leave.promise;
    this.exited.catch(() => {}); // whoever asks for it gets the rejection; nobody need ask
  }

  report(chunk: Buffer): void {
    for (const one of this.#reader.push(chunk)) this.#take(one);
  }

  ended(): void {
    if (this.#isLeft) return;
    const error = this.#end();
    this.#start.reject(error);
    this.#exit.reject(error);
  }

  #take(report: Report): void {
    if (report.kind === "undo-failed") this.#undoing.push(report);
    else if (report.kind === "failed" || report.kind === "malformed") this.#failed = report;
    else if (report.kind === "left") {
      this.#isLeft = true;
      this.#leave.resolve();
    } else if (report.kind === "exited") this.#exit.resolve(parseExitRecord(report.record));
    else {
      this.#ready = true;
      this.#start.resolve(report);
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
}

function cannotStart(path: string, error: unknown): NacreError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new NacreError("internal", `${path} cannot be started: ${message}`, {
    ...(code && { errno: code }),
    advice: "Build it with `npm run build`, which needs a C compiler and make.",
    cause: error,
  });
}

export class LinuxKernel implements Kernel {
  readonly #init: string;
  readonly #launcher: Launcher;
  readonly #options: LinuxKernelOptions;
  #facts: KernelFacts | undefined;

  /** `init`: the path of nacre-init. */
  constructor(init: string, options: LinuxKernelOptions = {}) {
    this.#init = init;
    this.#launcher = whenUsed(() => new Launcher(init, options.addon, options.endsWithProcess));
    this.#options = options;
  }

  facts(): KernelFacts {
    const { facts, assume, refused } = this.#options;
    this.#facts ??= probeFacts(this.#init, facts, assume, refused);
    return this.#facts;
  }

  async perform(program: KernelProgram): Promise<void> {
    if (program.process) throw new TypeError("perform runs programs without a process");
    const session = new Session(program);
    await this.#launch(session, program, SILENT);
    await session.started;
  }

  async execute(program: KernelProgram, streams: ProcessStreams): Promise<RunningProgram> {
    const session = new Session(program);
    const child = await this.#launch(session, program, streams);
    const { stdin, stdout, stderr } = child;
    const report = await session.started;
    const supervisor = identify(child.pid);
    if (report.kind !== "ready") throw new TypeError("execute runs programs with a process");
    return {
      process: { pid: report.pid, startTime: report.startTime },
      // A zombie by now, if the process was quick: then there is nobody left to signal.
      supervisor: supervisor ?? { pid: child.pid, startTime: 0n },
      ...{ stdin, stdout, stderr },
      exited: program.process?.supervision.detached
        ? new Promise<ExitStatus>(() => {})
        : session.exited.then((status) => this.#settle(program, session, status)),
      left: session.left,
      signal: (number) => {
        if (supervisor) sendSignal(supervisor, number);
      },
    };
  }

  async #launch(
    session: Session,
    program: KernelProgram,
    streams: ProcessStreams,
  ): Promise<Launched> {
    const message = encodeProgram(program);
    const detached = program.process?.supervision.detached ?? false;
    try {
      return await this.#launcher.launch(message, streams, detached, session);
    } catch (error) {
      throw cannotStart(this.#init, error);
    }
  }

  #settle(program: KernelProgram, session: Session, status: ExitStatus): ExitStatus {
    for (const { index, errno, detail } of session.undoing) {
      this.#options.onUndoFailure?.(program, `operation ${index}: ${errnoName(errno)} ${detail}`);
    }
    return status;
  }

  async attach(path: string): Promise<AttachedStreams> {
    const { attach } = await import("./attach.ts");
    return attach(path);
  }
  async begin(path: string): Promise<void> {
    const { begin } = await import("./begin.ts");
    return begin(path);
  }
  holdRoot(process: ProcessIdentity): HeldRoot {
    return holdRoot(process);
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
