// The container of a RUN. It has a record for as long as it is there, so that whoever comes after a
// killed build takes it down; it is listed nowhere.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type {
  Kernel,
  ProcessIdentity,
  ProcessStreams,
  RunningProgram,
} from "@nacre/core/ports/kernel.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import type { UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import type { ContainerRecords } from "../containers/container-records.ts";
import type { StepMounts } from "../containers/plan-parts.ts";
import type { Planner, TerminalSize } from "../containers/planner.ts";
import { commandError } from "../containers/start-failure.ts";
import type { ContainerStorage } from "../containers/storage.ts";
import type { TakeDown } from "../containers/take-down.ts";
import type { StatePaths } from "../images/paths.ts";
import { markedBy, type StorageTree, storageTree } from "../roots/storage-tree.ts";

export interface StepContainerOptions {
  readonly snapshotter: string;
  readonly self: ProcessIdentity;
  readonly bootId: string;
  readonly terminalSize: () => TerminalSize | undefined;
  /** What `--userns-remap` says; undefined: the machine's. NacreError as chooseUsers. */
  readonly users: () => Promise<UserMaps | undefined>;
}

/** What a step runs with. */
export interface StepRun {
  readonly request: ContainerRequest;
  /** Undefined for this machine's own root. */
  readonly image: ImageRecord | undefined;
  /** Given the container's ID, for what of it lies in its directory. */
  readonly mounts: (id: string) => StepMounts;
}

const PIPES: ProcessStreams = { stdin: "ignore", stdout: "pipe", stderr: "pipe" };
const SIGKILL = 9;

export class StepContainers {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #records: ContainerRecords;
  readonly #planner: Planner;
  readonly #storage: ContainerStorage;
  readonly #takeDown: TakeDown;
  readonly #paths: StatePaths;
  readonly #options: StepContainerOptions;

  constructor(
    kernel: Kernel,
    files: Files,
    records: ContainerRecords,
    planner: Planner,
    storage: ContainerStorage,
    takeDown: TakeDown,
    paths: StatePaths,
    options: StepContainerOptions,
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#records = records;
    this.#planner = planner;
    this.#storage = storage;
    this.#takeDown = takeDown;
    this.#paths = paths;
    this.#options = options;
  }

  /** Does something with a container that is there meanwhile, and never afterwards. */
  async with<T>(run: StepRun, work: (container: StepContainer) => Promise<T>): Promise<T> {
    const { self, bootId, snapshotter } = this.#options;
    this.#planner.mustBeAble();
    await this.#planner.prepare({ request: run.request, snapshotter }, run.image);
    const identity = { pid: self.pid, startTime: String(self.startTime) };
    // This machine's own root is shown to no other users.
    const users = run.image && (await this.#options.users());
    const nothing = { mounts: [], claim: () => (users ? { users } : {}) };
    const record = this.#records.create(run.request, nothing, undefined, snapshotter, {
      ...{ status: "starting", build: true, holder: identity, bootId },
    });
    const container = new StepContainer(record, run, {
      execute: (changes, streams) => this.#execute(record, run, changes, streams),
      changes: () =>
        storageTree(
          this.#files.walk(this.#paths.container(record.id).upper),
          markedBy(this.#kernel.facts()),
        ),
      upper: this.#paths.container(record.id).upper,
    });
    try {
      this.#storage.make(record.id);
      return await work(container);
    } finally {
      await container.ended();
      await this.#takeDown.run(this.#records.find(record.id) ?? record);
      await this.#storage.delete(record.id);
      this.#records.removed(record.id, () => {});
    }
  }

  async #execute(
    record: ContainerRecord,
    { image, mounts }: StepRun,
    changes: Partial<ContainerRequest>,
    streams: ProcessStreams,
  ): Promise<RunningProgram> {
    const now = { ...record, request: { ...record.request, ...changes } };
    await this.#storage.mayMountAnew(record.id); // the step before has ended under our eyes
    const size = changes.terminal ? this.#options.terminalSize() : undefined;
    const program = this.#planner.program(now, image, { size, step: mounts(record.id) });
    const running = await this.#kernel.execute(program, streams).catch((error) => {
      throw commandError(error, program);
    });
    const { status } = this.#records.get(record.id);
    if (status === "starting")
      this.#records.started(record.id, running.process, running.supervisor);
    return running;
  }
}

interface ContainerParts {
  readonly execute: (
    changes: Partial<ContainerRequest>,
    streams: ProcessStreams,
  ) => Promise<RunningProgram>;
  readonly changes: () => StorageTree;
  readonly upper: string;
}

export class StepContainer {
  readonly #record: ContainerRecord;
  readonly #parts: ContainerParts;
  #running: RunningProgram | undefined;

  constructor(record: ContainerRecord, _run: StepRun, parts: ContainerParts) {
    this.#record = record;
    this.#parts = parts;
  }

  get id(): string {
    return this.#record.id;
  }

  /** Where what it writes is. */
  get upper(): string {
    return this.#parts.upper;
  }

  /** What it has written. */
  changes(): StorageTree {
    return this.#parts.changes();
  }

  /** Runs its command; what it says goes to `output`. The exit code. NacreError `interrupted`. */
  async run(
    output: (stream: 1 | 2, bytes: Uint8Array) => void,
    signal: AbortSignal,
  ): Promise<number> {
    if (signal.aborted) throw new NacreError("interrupted", "the build was stopped");
    const running = await this.#parts.execute({}, PIPES);
    this.#running = running;
    const kill = (): void => running.signal(SIGKILL);
    signal.addEventListener("abort", kill, { once: true });
    if (signal.aborted) kill();
    try {
      const ended = [carried(running.stdout, 1, output), carried(running.stderr, 2, output)];
      const { code } = await running.exited;
      await Promise.all(ended);
      if (signal.aborted) throw new NacreError("interrupted", "the build was stopped");
      return code;
    } finally {
      signal.removeEventListener("abort", kill);
      this.#running = undefined;
    }
  }

  /** Runs another command in it on a terminal. */
  async shell(command: readonly string[], streams: ProcessStreams): Promise<number> {
    const changes = { command, entrypoint: [], terminal: true, interactive: true };
    this.#running = await this.#parts.execute(changes, streams);
    const { code } = await this.#running.exited;
    this.#running = undefined;
    return code;
  }

  /** Nothing runs in it any more. */
  async ended(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    running.signal(SIGKILL);
    await running.exited.catch(() => {});
  }
}

async function carried(
  stream: AsyncIterable<Uint8Array> | undefined,
  number: 1 | 2,
  output: (stream: 1 | 2, bytes: Uint8Array) => void,
): Promise<void> {
  if (!stream) return;
  for await (const bytes of stream) output(number, bytes);
}
