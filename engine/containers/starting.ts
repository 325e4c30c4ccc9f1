// How a container that is made comes to run, and what becomes of one that does not.

import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel, ProcessStreams, RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import type { Attached, StartOptions } from "../engine.ts";
import { attached } from "./attached.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { Endings } from "./endings.ts";
import { begin } from "./executing.ts";
import type { Foreground } from "./foreground.ts";
import type { HealthChecks } from "./health-checks.ts";
import type { Planner, TerminalSize } from "./planner.ts";
import type { Reconciler } from "./reconcile.ts";
import { failureCode } from "./start-failure.ts";
import type { ContainerStorage } from "./storage.ts";

/** A container as it was made, and its image where it has one. */
export interface Created {
  readonly record: ContainerRecord;
  readonly image: ImageRecord | undefined;
}

export interface StartingOptions {
  readonly files: Pick<Files, "replace">;
  readonly terminalSize: () => TerminalSize | undefined;
  /** Waits until nobody looks into the root of one that is about to start. */
  readonly unwatched: (id: string) => Promise<void>;
}

export class Starting {
  readonly #kernel: Kernel;
  readonly #records: ContainerRecords;
  readonly #planner: Planner;
  readonly #reconciler: Reconciler;
  readonly #endings: Endings;
  readonly #health: HealthChecks;
  readonly #storage: ContainerStorage;
  readonly #foreground: Foreground;
  readonly #options: StartingOptions;

  constructor(
    kernel: Kernel,
    records: ContainerRecords,
    planner: Planner,
    reconciler: Reconciler,
    endings: Endings,
    health: HealthChecks,
    storage: ContainerStorage,
    foreground: Foreground,
    options: StartingOptions,
  ) {
    this.#kernel = kernel;
    this.#records = records;
    this.#planner = planner;
    this.#reconciler = reconciler;
    this.#endings = endings;
    this.#health = health;
    this.#storage = storage;
    this.#foreground = foreground;
    this.#options = options;
  }

  /** Starts one whose mounts are made, and for which the planner is prepared. */
  async start(
    { record: { id, request }, image }: Created,
    streams: ProcessStreams,
    options: StartOptions,
  ): Promise<Attached> {
    const detached = options.detached ?? request.detached;
    const found = await this.#reconciler.claim(id, detached, options.byPolicy);
    let running: RunningProgram;
    try {
      await this.#options.unwatched(id);
      const program = this.#planner.program(found, image, {
        // Looking at ours costs milliseconds in Node.
        size: found.request.terminal ? this.#options.terminalSize() : undefined,
        detachKeys: options.detachKeys,
        feeds: options.feeds,
        descriptors: streams.more?.length,
      });
      await this.#storage.prepare(found);
      const clearUp = () => this.#reconciler.clearUp(found);
      const begun = begin(this.#kernel, program, streams, clearUp);
      if (!detached) void this.#endings.abort; // what its end takes is loaded while it is made
      running = await begun;
    } catch (error) {
      await this.#notStarted(found, error);
      throw error;
    }
    let record: ContainerRecord;
    try {
      const { pidFile } = request;
      if (pidFile !== undefined) this.#options.files.replace(pidFile, `${running.process.pid}`);
      record = this.#records.started(id, running.process, running.supervisor);
      record = await this.#health.begin(record, image);
    } catch (error) {
      await this.#endings.abort(running);
      await this.#notStarted(found, error);
      throw error;
    }
    if (record.request.detached) return attached(record, running, Promise.resolve(0));
    return {
      ...attached(record, running, this.#foreground.hold(record, running)),
      signal: (number) => this.#foreground.signal(record, running, number),
    };
  }

  /** After a start that came to nothing. What stands in the way of this is not what is told. */
  async #notStarted(container: ContainerRecord, error: unknown): Promise<void> {
    const { id, request } = container;
    try {
      await this.#reconciler.clearUp(container);
      this.#records.failed(id, failureCode(error), error instanceof Error ? error.message : "");
      if (request.autoRemove) await this.#reconciler.dismiss(id);
    } catch {
      // It stays recorded as starting, and whoever looks next puts it to rest.
    }
  }
}
