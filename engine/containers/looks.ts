// The looks at containers, which change nothing: lists, logs, processes, use, docker's JSON.

import { NacreError } from "@nacre/core/error.ts";
import type { LogDriver, LogLine } from "@nacre/core/ports/log-driver.ts";
import { commandLine } from "@nacre/core/program/command-line.ts";
import { DEFAULT_LOG } from "@nacre/core/program/log-options.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import type {
  ContainerPruneOptions,
  ContainerPruneReport,
  ContainerSize,
  ContainerUsage,
  ListOptions,
  LogDetails,
  LogOptions,
  ProcessListing,
  StatsOptions,
} from "../engine.ts";
import type { Named } from "../extensions.ts";
import type { ImageService } from "../images/images.ts";
import type { StatePaths } from "../images/paths.ts";
import type { VolumeService } from "../volumes/volumes.ts";
import type { ContainerRecords } from "./container-records.ts";
import { checkFilters, checkPruneFilters, isMeant, isPrunable } from "./filter.ts";
import { containerJson } from "./inspect.ts";
import { logLines } from "./log-lines.ts";
import { noSuchContainer } from "./no-such-container.ts";
import type { Processes } from "./processes.ts";
import type { Reconciler } from "./reconcile.ts";
import type { Runtimes } from "./runtimes.ts";
import { canDo, mustAllow } from "./state.ts";
import type { ContainerStorage } from "./storage.ts";
import type { Usage } from "./usage.ts";

export class ContainerLooks {
  readonly #records: ContainerRecords;
  readonly #reconciler: Reconciler;
  readonly #images: ImageService;
  readonly #logs: Named<"LogDriver">;
  readonly #runtimes: Runtimes;
  readonly #usage: Usage;
  readonly #processes: Processes;
  readonly #volumes: VolumeService;
  readonly #storage: ContainerStorage;
  readonly #paths: StatePaths;
  readonly #capabilities: () => readonly string[];
  readonly #pruned: (reclaimedBytes: number) => void;

  constructor(
    records: ContainerRecords,
    reconciler: Reconciler,
    images: ImageService,
    logs: Named<"LogDriver">,
    runtimes: Runtimes,
    usage: Usage,
    processes: Processes,
    volumes: VolumeService,
    storage: ContainerStorage,
    paths: StatePaths,
    capabilities: () => readonly string[],
    pruned: (reclaimedBytes: number) => void,
  ) {
    this.#records = records;
    this.#reconciler = reconciler;
    this.#images = images;
    this.#logs = logs;
    this.#runtimes = runtimes;
    this.#usage = usage;
    this.#processes = processes;
    this.#volumes = volumes;
    this.#storage = storage;
    this.#paths = paths;
    this.#capabilities = capabilities;
    this.#pruned = pruned;
  }

  list({ all, filters = {}, last }: ListOptions = {}): ContainerRecord[] {
    // As docker has it, a status speaks of containers that do not run, an exit code does not.
    const any = all || last !== undefined || filters.status;
    const context = {
      find: (name: string) => this.get(name),
      imageId: (reference: string) => this.#imageId(reference),
      exposed: (record: ContainerRecord) => [
        ...Object.keys(this.imageOf(record)?.config.config?.ExposedPorts ?? {}),
        ...(record.request.exposedPorts ?? []),
      ],
    };
    checkFilters(filters, context);
    return this.#records
      .list()
      .map((record) => this.#reconciler.see(record))
      .filter((record) => record !== undefined)
      .filter(({ build }) => build !== true)
      .filter(({ status }) => any || ["running", "paused", "restarting"].includes(status))
      .filter((record) => isMeant(record, filters, context))
      .sort((a, b) => b.createdMs - a.createdMs || (a.id < b.id ? -1 : 1))
      .slice(0, last);
  }

  get(container: string): ContainerRecord {
    const record = this.#reconciler.see(this.#records.get(container));
    if (record) return record;
    throw noSuchContainer(container);
  }

  /** What reads the log of a request's container. NacreError `not-found`. */
  logDriver({ logDriver = DEFAULT_LOG }: ContainerRequest): Promise<LogDriver> {
    return this.#logs.load(logDriver);
  }

  async *logs(container: string, options: LogOptions = {}): AsyncIterable<LogLine> {
    const { id, request } = this.get(container);
    const driver = await this.logDriver(request);
    const log = { containerId: id, path: this.#paths.container(id).log };
    yield* logLines(driver, log, options, () => {
      const record = this.#records.find(id);
      const now = record && this.#reconciler.see(record);
      if (now?.status === "restarting") return false;
      return !now || !canDo("ended", now.status) || now.status === "exited";
    });
  }

  async logDetails(container: string): Promise<LogDetails> {
    const record = this.get(container);
    const { logDetails } = await import("../logs/log-details.ts");
    return logDetails(record, this.imageOf(record));
  }

  top(container: string): ProcessListing[] {
    const record = this.get(container);
    mustAllow("list", record);
    return this.#processes.of(record);
  }

  stats(options: StatsOptions = {}): AsyncIterable<ContainerUsage[]> {
    const { wanted, all = false, intervalMs = 1000, signal } = options;
    const look = () => wanted?.map((name) => this.get(name)) ?? this.list({ all });
    return this.#usage.watch(look, intervalMs, signal);
  }

  inspect(container: string): Record<string, unknown> {
    const record = this.get(container);
    const { log } = this.#paths.container(record.id);
    const image = this.imageOf(record);
    const runtime = this.#runtimes.nameFor(record.request, image);
    return containerJson(
      record,
      image,
      runtime,
      log,
      (mount) => this.#volumes.sourceOf(mount),
      this.#capabilities,
    );
  }

  commandLines(containers: readonly ContainerRecord[]): string[][] {
    const images = this.#images.byId(new Set(containers.map(({ imageId }) => imageId ?? "")));
    return containers.map(({ request, imageId = "" }) => {
      const { entrypoint, command } = commandLine(
        request,
        images.get(imageId)?.config.config ?? {},
      );
      return [...entrypoint, ...command];
    });
  }

  size(container: string): ContainerSize {
    const record = this.get(container);
    const writtenBytes = this.#storage.bytes(record.id);
    return { writtenBytes, rootBytes: writtenBytes + (this.imageOf(record)?.sizeBytes ?? 0) };
  }

  async prune(options: ContainerPruneOptions = {}): Promise<ContainerPruneReport> {
    checkPruneFilters(options);
    const containers: string[] = [];
    let reclaimedBytes = 0;
    for (const { id } of this.list({ all: true }).filter((one) => isPrunable(one, options))) {
      const bytes = this.#storage.bytes(id);
      if (!(await this.#reconciler.dismiss(id))) continue;
      containers.push(id);
      reclaimedBytes += bytes;
    }
    this.#pruned(reclaimedBytes);
    return { containers, reclaimedBytes };
  }

  /** Undefined for the machine's own root. */
  imageOf(record: ContainerRecord): ImageRecord | undefined {
    const { imageId } = record;
    if (imageId === undefined) return undefined;
    return this.#images.byId([imageId]).get(imageId) ?? this.#images.get(imageId).image;
  }

  #imageId(reference: string): string | undefined {
    try {
      return this.#images.get(reference).image.id;
    } catch (error) {
      if (error instanceof NacreError && ["not-found", "invalid"].includes(error.kind)) return;
      throw error;
    }
  }
}
