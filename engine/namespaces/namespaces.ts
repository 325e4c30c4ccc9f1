// Namespaces as people look at them, keep them, and join them.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel, ProcessStreams } from "@nacre/core/ports/kernel.ts";
import { joinProgram } from "@nacre/core/program/join.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { PinRecord } from "@nacre/core/state/records.ts";
import { webStream } from "../containers/attached.ts";
import { commandError } from "../containers/start-failure.ts";
import type {
  Containers,
  JoinedCommand,
  NamespaceCommand,
  NamespaceReport,
  Namespaces,
} from "../engine.ts";
import type { StatePaths } from "../images/paths.ts";
import { ifThere } from "../observation.ts";
import { type NamespaceIdentity, observe } from "./observe.ts";
import type { Pins } from "./pins.ts";
import { reportNamespaces } from "./report.ts";
import { findProcess, type JoinedProcess, namespacesOf } from "./target.ts";

const IGNORE: ProcessStreams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };

export class NamespaceService implements Namespaces {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #containers: Containers;
  readonly #pins: Pins;
  readonly #paths: StatePaths;

  constructor(kernel: Kernel, files: Files, containers: Containers, pins: Pins, paths: StatePaths) {
    this.#kernel = kernel;
    this.#files = files;
    this.#containers = containers;
    this.#pins = pins;
    this.#paths = paths;
  }

  async list(
    options: { readonly kinds?: readonly NamespaceKind[]; readonly container?: string } = {},
  ): Promise<readonly NamespaceReport[]> {
    const { kinds, container } = options;
    const reports = this.#reports();
    const wanted = container === undefined ? undefined : this.#containerOf(container, reports);
    return reports
      .filter(({ kind }) => kinds === undefined || kinds.length === 0 || kinds.includes(kind))
      .filter((report) => wanted === undefined || report.container?.id === wanted);
  }

  pins(): PinRecord[] {
    return this.#pins.list();
  }

  async pinProgram(
    name: string,
    target: string,
    kinds: readonly NamespaceKind[] = [],
  ): Promise<KernelProgram> {
    return this.#pins.program(name, this.#process(target, kinds));
  }

  async pin(
    name: string,
    target: string,
    kinds: readonly NamespaceKind[] = [],
  ): Promise<PinRecord> {
    return this.#pins.pin(name, this.#process(target, kinds));
  }

  unpin(name: string): Promise<void> {
    return this.#pins.unpin(name);
  }

  prunePins({ unused = false } = {}): Promise<string[]> {
    const reports = unused ? this.#reports() : [];
    const isUsed = ({ namespaces }: PinRecord): boolean =>
      namespaces.some(({ kind, id }) =>
        reports.some((r) => r.kind === kind && r.id === id && r.processes.length > 0),
      );
    return this.#pins.prune((record) => unused && !isUsed(record));
  }

  async execProgram(target: string, request: NamespaceCommand): Promise<KernelProgram> {
    const { command, environment = [], kinds = [], workingDirectory } = request;
    const pin = this.#pins.find(target);
    const joined = pin ? { namespaces: this.#pinned(pin, kinds) } : this.#living(target, kinds);
    const inside = joined.namespaces.some(({ kind }) => kind === "mnt");
    return joinProgram({
      ...joined,
      title: `exec in namespaces of ${target}`,
      command,
      environment,
      workingDirectory: workingDirectory ?? (inside ? "/" : (request.outside ?? "/")),
    });
  }

  async exec(
    target: string,
    request: NamespaceCommand,
    streams: ProcessStreams = IGNORE,
  ): Promise<JoinedCommand> {
    const program = await this.execProgram(target, request);
    try {
      const running = await this.#kernel.execute(program, streams);
      const exited = running.exited.then(({ code }) => code);
      exited.catch(() => {}); // whoever asks for it gets the rejection; nobody need ask
      const { stdin, stdout, stderr } = running;
      return {
        ...{ stdin, stdout: webStream(stdout), stderr: webStream(stderr), exited },
        signal: (number) => running.signal(number),
      };
    } catch (error) {
      throw explained(commandError(error, program), program, target);
    }
  }

  // -- parts ------------------------------------------------------------------------------------

  /** The namespaces of the process that looks. */
  #own(): NamespaceIdentity[] {
    return namespacesOf(this.#kernel, Number(this.#files.readLink("/proc/self")));
  }

  #process(target: string, kinds: readonly NamespaceKind[]): JoinedProcess {
    const ports = { kernel: this.#kernel, files: this.#files, containers: this.#containers };
    return findProcess(ports, target, kinds, this.#own());
  }

  #living(target: string, kinds: readonly NamespaceKind[]) {
    const { pid, startTime, namespaces } = this.#process(target, kinds);
    const map = ifThere(() => this.#files.readText(`/proc/${pid}/uid_map`)) ?? "";
    return {
      process: { pid, startTime },
      // The first line, "0 0 1": user 0 inside is user 0 outside.
      isRootInside: /^\s*0\s+0\s/.test(map),
      namespaces: namespaces.map(({ kind }) => ({ kind, path: `/proc/${pid}/ns/${kind}` })),
    };
  }

  #pinned(pin: PinRecord, kinds: readonly NamespaceKind[]) {
    const all = this.#pins.pathsOf(pin);
    const missing = kinds.find((kind) => !all.some((each) => each.kind === kind));
    if (missing === undefined) {
      return kinds.length === 0 ? all : all.filter(({ kind }) => kinds.includes(kind));
    }
    throw new NacreError("not-found", `${pin.name} has no ${missing} namespace`, {
      advice: `It has ${all.map(({ kind }) => kind).join(", ")}.`,
    });
  }

  #reports(): NamespaceReport[] {
    const running = this.#containers.list().flatMap(({ id, name, process }) => {
      return process ? [{ id, name, pid: process.pid }] : [];
    });
    return reportNamespaces(observe(this.#files), {
      own: this.#own(),
      containers: running,
      pins: this.#pins.list(),
      pinsDirectory: this.#paths.pins,
    });
  }

  /** A container, or what was one when its namespaces were pinned. */
  #containerOf(name: string, reports: readonly NamespaceReport[]): string {
    const pinned = reports.find(({ container }) => container?.name === name);
    return pinned?.container?.id ?? this.#containers.get(name).id;
  }
}

/** What the kernel's refusals to join mean. */
function explained(error: unknown, program: KernelProgram, target: string): unknown {
  if (!(error instanceof NacreError)) return error;
  const joins = (kind: NamespaceKind): boolean =>
    program.process?.clone.joinPaths.some((each) => each.kind === kind) ?? false;
  if (error.errno === "ENOMEM" && joins("pid")) {
    return new NacreError(
      "conflict",
      `the pid namespace of ${target} is dead: its first process has ended, and none can begin in it any more`,
      {
        errno: "ENOMEM",
        advice: "Join the others, with --kind for each.",
        cause: error,
      },
    );
  }
  if (error.errno === "ESRCH") {
    return new NacreError("conflict", `${target} has just ended`, { errno: "ESRCH", cause: error });
  }
  return error;
}
