// The engine's containers: each command one method, each change of state in container-records.ts,
// each kernel effect a program from planner.ts.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Kernel, ProcessIdentity, ProcessStreams } from "@nacre/core/ports/kernel.ts";
import type { LogLine } from "@nacre/core/ports/log-driver.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import {
  type ContainerRequest,
  completeRequest,
  type PartialRequest,
} from "@nacre/core/program/request.ts";
import type { MachineFacts } from "@nacre/core/program/resource-spec.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import type {
  Attached,
  Attachment,
  BootReport,
  ContainerChange,
  ContainerFiles,
  ContainerPruneOptions,
  ContainerPruneReport,
  ContainerSize,
  Containers,
  ContainerUsage,
  ExecRequest,
  ListOptions,
  LogDetails,
  LogOptions,
  ProcessListing,
  RemoveOptions,
  StartOptions,
  StatsOptions,
  StopOptions,
  WaitCondition,
} from "../engine.ts";
import type { ImageService } from "../images/images.ts";
import { attached } from "./attached.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { Endings } from "./endings.ts";
import { join } from "./executing.ts";
import type { Foreground } from "./foreground.ts";
import type { HealthChecks } from "./health-checks.ts";
import { imageFor } from "./image-for.ts";
import type { Limits } from "./limits.ts";
import type { ContainerLooks } from "./looks.ts";
import type { ContainerMounts } from "./mounts.ts";
import { asAsked } from "./no-such-container.ts";
import type { Pausing } from "./pausing.ts";
import type { Planner, TerminalSize } from "./planner.ts";
import { identity } from "./process-identity.ts";
import type { Reconciler } from "./reconcile.ts";
import { checkRequest, checkRestart } from "./request-check.ts";
import type { Created, Starting } from "./starting.ts";
import { canDo, mustAllow } from "./state.ts";
import type { ContainerStorage } from "./storage.ts";
import { withSystemdMode } from "./systemd-mode.ts";

/** The ID in a program that is only explained. */
const EXAMPLE_ID = "0123456789abcdef".repeat(4);

export interface ContainersOptions {
  /** Snapshotter of new containers. */
  readonly snapshotter: () => string;
  /** This process, recorded as the starter of what it starts. */
  readonly self: ProcessIdentity;
  readonly terminalSize: () => TerminalSize | undefined;
  readonly machine: MachineFacts;
  readonly attach: (container: ContainerRecord) => Promise<Attachment>;
  readonly files: (id: string) => Promise<ContainerFiles>;
}

const IGNORE: ProcessStreams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };

export class ContainerService implements Containers {
  readonly #kernel: Kernel;
  readonly #clock: Clock;
  readonly #images: ImageService;
  readonly #records: ContainerRecords;
  readonly #planner: Planner;
  readonly #reconciler: Reconciler;
  readonly #endings: Endings;
  readonly #pausing: Pausing;
  readonly #health: HealthChecks;
  readonly #limits: Limits;
  readonly #looks: ContainerLooks;
  readonly #mounts: ContainerMounts;
  readonly #storage: ContainerStorage;
  readonly #starting: Starting;
  readonly #foreground: Foreground;
  readonly #options: ContainersOptions;

  constructor(
    kernel: Kernel,
    clock: Clock,
    images: ImageService,
    records: ContainerRecords,
    planner: Planner,
    reconciler: Reconciler,
    endings: Endings,
    pausing: Pausing,
    health: HealthChecks,
    limits: Limits,
    looks: ContainerLooks,
    mounts: ContainerMounts,
    storage: ContainerStorage,
    starting: Starting,
    foreground: Foreground,
    options: ContainersOptions,
  ) {
    this.#kernel = kernel;
    this.#clock = clock;
    this.#images = images;
    this.#records = records;
    this.#planner = planner;
    this.#reconciler = reconciler;
    this.#endings = endings;
    this.#pausing = pausing;
    this.#health = health;
    this.#limits = limits;
    this.#looks = looks;
    this.#mounts = mounts;
    this.#storage = storage;
    this.#starting = starting;
    this.#foreground = foreground;
    this.#options = options;
  }

  list(options?: ListOptions): ContainerRecord[] {
    return this.#looks.list(options);
  }
  get(container: string): ContainerRecord {
    return this.#looks.get(container);
  }
  logs(container: string, options?: LogOptions): AsyncIterable<LogLine> {
    return this.#looks.logs(container, options);
  }
  logDetails = (container: string): Promise<LogDetails> => this.#looks.logDetails(container);
  top(container: string): ProcessListing[] {
    return this.#looks.top(container);
  }
  namespaces(container: string): Partial<Record<NamespaceKind, bigint>> {
    const { process } = this.get(container);
    return process ? this.#kernel.namespaces(process.pid) : {};
  }
  stats(options?: StatsOptions): AsyncIterable<ContainerUsage[]> {
    return this.#looks.stats(options);
  }
  inspect(container: string): Record<string, unknown> {
    return this.#looks.inspect(container);
  }

  commandLines(containers: readonly ContainerRecord[]): string[][] {
    return this.#looks.commandLines(containers);
  }

  async create(wanted: PartialRequest): Promise<ContainerRecord> {
    return (await this.#create(wanted)).record;
  }

  async #create(wanted: PartialRequest): Promise<Created> {
    this.#planner.mustBeAble();
    const complete = completeRequest(wanted);
    const image = await imageFor(this.#images, this.#planner, complete);
    const request = await settled(complete, image);
    await this.#check(request, image);
    this.#planner.tellWhatIsLeftOut(request);
    if (image) await this.#images.ready(image);
    const resolved = await this.#mounts.resolve(request, image);
    const snapshotter = this.#options.snapshotter();
    const record = this.#records.create(request, resolved, image?.id, snapshotter);
    try {
      if (record.users) await this.#planner.prepare(record, image);
      await this.#mounts.make(record, image, { again: false });
      this.#storage.make(record.id);
      return { record, image };
    } catch (error) {
      await this.#reconciler.dismiss(record.id);
      await this.#mounts.discard(resolved);
      throw error;
    }
  }

  async start(
    container: string,
    streams: ProcessStreams = IGNORE,
    options: StartOptions = {},
  ): Promise<Attached> {
    this.#planner.mustBeAble();
    const record = this.get(container);
    const image = this.#looks.imageOf(record);
    await this.#planner.prepare(record, image);
    await this.#mounts.make(record, image, { again: true });
    return this.#starting.start({ record, image }, streams, options);
  }

  async run(
    request: PartialRequest,
    streams: ProcessStreams = IGNORE,
    options: StartOptions = {},
  ): Promise<Attached> {
    return this.#starting.start(await this.#create(request), streams, options);
  }

  async exec(
    container: string,
    request: ExecRequest,
    streams: ProcessStreams = IGNORE,
  ): Promise<Attached> {
    this.#planner.mustBeAble();
    const record = await this.#definite(container);
    mustAllow("exec", record);
    const image = this.#looks.imageOf(record);
    const { request: made, snapshotter } = record;
    await this.#planner.prepare({ request: made, snapshotter }, image);
    const program = this.#planner.execProgram(record, image, request, {
      size: this.#sizeFor(request),
      descriptors: streams.more?.length,
    });
    const running = await join(this.#kernel, record, program, streams);
    const ended = Promise.race([
      running.exited.then(({ code }) => code),
      running.left.then(() => 0),
    ]);
    return attached(record, running, request.detached ? Promise.resolve(0) : ended);
  }

  async attach(container: string): Promise<Attachment> {
    return this.#options.attach(this.get(container));
  }

  async files(container: string): Promise<ContainerFiles> {
    return this.#options.files(this.get(container).id);
  }

  async explain(wanted: PartialRequest): Promise<KernelProgram> {
    const complete = completeRequest(wanted);
    const image = await imageFor(this.#images, this.#planner, { ...complete, pull: "never" });
    const request = await settled(complete, image);
    await this.#check(request, image);
    const record: ContainerRecord = {
      ...{ id: EXAMPLE_ID, name: request.name ?? "example", request },
      ...(await this.#mounts.resolve(request, image)).example(),
      imageId: image?.id,
      snapshotter: this.#options.snapshotter(),
      createdMs: this.#clock.nowMs(),
      status: "created",
    };
    await this.#planner.prepare(record, image);
    return this.#planner.program(record, image, { size: this.#sizeFor(request) });
  }

  #definite = (container: string) => this.#reconciler.definite(this.get(container));

  /** Asked only for those that get a terminal: looking at ours costs milliseconds in Node. */
  #sizeFor({ terminal }: { readonly terminal?: boolean }): TerminalSize | undefined {
    return terminal ? this.#options.terminalSize() : undefined;
  }

  async stop(container: string, options: StopOptions = {}): Promise<void> {
    const record = await this.#definite(container);
    if (await this.#endings.stop(record, options)) this.#records.note("stop", record);
  }

  async kill(container: string, signal: number): Promise<void> {
    const record = await this.#definite(container);
    this.#endings.kill(record, signal);
    // It was let go, and may be gone by now.
    const now = record.status === "paused" ? this.#records.find(record.id) : undefined;
    if (now) await this.#health.begin(now);
  }

  async restart(container: string, options: StopOptions = {}): Promise<void> {
    const record = await this.#definite(container);
    await asAsked(container, record.id, () =>
      this.#records.keeping(record, this.#options.self, async () => {
        if (await this.#endings.stop(record, options)) this.#records.note("stop", record);
        const { container: started } = await this.start(record.id, IGNORE, { detached: true });
        this.#records.note("restart", started);
      }),
    );
  }

  boot(): Promise<BootReport[]> {
    return this.#endings.restarts.boot(this.list({ all: true }));
  }

  wait(container: string, condition: WaitCondition = "not-running"): Promise<number> {
    // Of one that has removed itself, or is about to, its ID is known still, and how it ended.
    const found = this.#records.find(container);
    if (found) return this.#endings.wait(found.id, condition);
    const code = this.#records.lastExitCode(container);
    if (code !== undefined) return Promise.resolve(code);
    return this.#endings.wait(this.get(container).id, condition);
  }

  async pause(container: string): Promise<void> {
    await this.#pausing.pause(await this.#definite(container));
  }

  async unpause(container: string): Promise<void> {
    await this.#pausing.unpause(await this.#definite(container));
  }

  checkHealth(container: string, { now = false } = {}) {
    return now ? this.#health.checkNow(this.get(container)) : this.#health.check(container);
  }

  async update(container: string, change: ContainerChange): Promise<ContainerRecord> {
    const { restart, ...limits } = change;
    const record = await this.#definite(container);
    const resources = this.#limits.merged(record, limits);
    mustAllow("update", record);
    if (restart) checkRestart({ ...record.request, restart });
    this.#planner.tellWhatIsLeftOut({ resources: limits });
    const runs = canDo("signal", record.status);
    if (runs && Object.keys(limits).length > 0) {
      await this.#limits.apply(record, limits, resources);
    }
    try {
      return this.#records.limited(record.id, { resources, ...(restart && { restart }) });
    } catch (error) {
      if (!(error instanceof NacreError && error.kind === "conflict")) throw error;
      // Somebody has begun to start it since it was looked at, with the limits that it had.
      return this.update(record.id, change);
    }
  }

  rename(container: string, name: string): ContainerRecord {
    return this.#records.rename(this.get(container).id, name);
  }

  async remove(container: string, options: RemoveOptions = {}): Promise<void> {
    const record = await this.#definite(container);
    await asAsked(container, record.id, () =>
      options.force
        ? this.#endings.remove(record, options)
        : this.#reconciler.remove(record.id, options),
    );
  }

  prune(options?: ContainerPruneOptions): Promise<ContainerPruneReport> {
    return this.#looks.prune(options);
  }

  size(container: string): ContainerSize {
    return this.#looks.size(container);
  }

  /** At the engine's end: what still runs in the foreground is left to whoever comes next. */
  release(): void {
    this.#foreground.release();
  }

  async settle(container: string): Promise<void> {
    const found = this.#records.find(container);
    if (!found) return;
    // Who asks has seen its process end: one that lives is of another run.
    const isAnother = ({ process }: ContainerRecord) => this.#kernel.alive(identity(process));
    await this.#reconciler.settle(found.id, isAnother);
    await this.#endings.restarts.follow(found.id);
  }

  // -- parts ------------------------------------------------------------------------------------

  /** What can be refused before anything is made. */
  async #check(request: ContainerRequest, image: ImageRecord | undefined): Promise<void> {
    checkRequest(request, image?.config.config ?? {}, this.#options.machine);
    await this.#planner.prepare({ request, snapshotter: this.#options.snapshotter() }, image);
    this.#planner.checkRoot(request);
    (await this.#looks.logDriver(request)).check?.(request.log ?? {});
  }
}

/** With what its image decides. Few ask for that, so that what it takes is loaded for them alone. */
async function settled(
  complete: ContainerRequest,
  image: ImageRecord | undefined,
): Promise<ContainerRequest> {
  let request = complete;
  const config = image?.config.config ?? {};
  if (request.mergeEnvironment) {
    const { withMergedVariables } = await import("./merged-variables.ts");
    request = withMergedVariables(request, config);
  }
  return request.systemd ? withSystemdMode(request, config) : request;
}
