// How a container comes to its end, or is waited for: signals, the time it gets, and what is made
// of one that is held meanwhile.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Kernel, RunningProgram } from "@nacre/core/ports/kernel.ts";
import { SIGNALS, signalNumber } from "@nacre/core/program/signals.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { RemoveOptions, StopOptions, WaitCondition } from "../engine.ts";
import type { ImageService } from "../images/images.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { Freezer } from "./freezer.ts";
import { letGo } from "./let-go.ts";
import { identity, isSame, processesAlive, type Running } from "./process-identity.ts";
import type { Reconciler } from "./reconcile.ts";
import type { Restarts } from "./restarts.ts";
import { canDo, mustAllow } from "./state.ts";

const STOP_TIMEOUT_MS = 10_000;
/** How often a container that others start again and again is killed to be removed. */
const MOST_REMOVALS = 20;
/** How long a supervisor may take to undo its program once the container's process is gone. */
const UNDO_TIMEOUT_MS = 5000;

export class Endings {
  readonly #kernel: Kernel;
  readonly #clock: Clock;
  readonly #images: ImageService;
  readonly #records: ContainerRecords;
  readonly #reconciler: Reconciler;
  readonly #freezer: Freezer;
  readonly restarts: Restarts;

  constructor(
    kernel: Kernel,
    clock: Clock,
    images: ImageService,
    records: ContainerRecords,
    reconciler: Reconciler,
    freezer: Freezer,
    restarts: Restarts,
  ) {
    this.#kernel = kernel;
    this.#clock = clock;
    this.#images = images;
    this.#records = records;
    this.#reconciler = reconciler;
    this.#freezer = freezer;
    this.restarts = restarts;
  }

  /** False if it was at rest. */
  async stop(record: ContainerRecord, options: StopOptions = {}): Promise<boolean> {
    const timeoutMs = options.timeoutMs ?? record.request.stopTimeoutMs ?? STOP_TIMEOUT_MS;
    if (record.status === "restarting") {
      this.restarts.cancel(record);
      return true;
    }
    if (!canDo("signal", record.status)) return false;
    this.#stopping(record);
    this.#signal(record, options.signal ?? this.#stopSignal(record));
    if (!(await this.#over(record, timeoutMs))) {
      this.#signal(record, SIGNALS.KILL);
      await this.#over(record, UNDO_TIMEOUT_MS);
    }
    await this.#reconciler.settle(record.id, isAnotherThan(record));
    return true;
  }

  kill(record: ContainerRecord, signal: number): void {
    mustAllow("signal", record);
    if (signal === SIGNALS.KILL || signal === this.#stopSignal(record)) this.#stopping(record);
    if (this.#signal(record, signal)) return;
    throw new NacreError("conflict", `cannot signal container ${record.name}: it has just ended`);
  }

  /** Kills what runs and waits until it is at rest. */
  async force(record: ContainerRecord): Promise<void> {
    if (record.status === "restarting") this.restarts.cancel(record);
    if (!canDo("signal", record.status)) return;
    this.#stopping(record);
    this.#signal(record, SIGNALS.KILL);
    await this.#over(record, UNDO_TIMEOUT_MS);
    await this.#reconciler.settle(record.id, isAnotherThan(record));
  }

  /** Kills and removes it, though somebody else may start it in between. */
  async remove(record: ContainerRecord, options: RemoveOptions): Promise<void> {
    const { timeoutMs } = options;
    for (let tries = 1; ; tries++) {
      const stored = this.#records.find(record.id);
      if (!stored && tries > 1) return;
      const now = await this.#reconciler.definite(stored ?? record);
      if (timeoutMs !== undefined && tries === 1) await this.stop(now, { timeoutMs });
      else await this.force(now);
      // With --rm it has removed itself.
      if (record.request.autoRemove && !this.#records.find(record.id)) return;
      try {
        return await this.#reconciler.remove(record.id, options);
      } catch (error) {
        const status = this.#records.find(record.id)?.status;
        const again = status !== undefined && !canDo("remove", status);
        if (!again || tries === MOST_REMOVALS) throw error;
      }
    }
  }

  /** Kills what was started and cannot be recorded: nobody would ever know of it. */
  async abort(running: RunningProgram): Promise<void> {
    this.#kernel.signal(running.process, SIGNALS.KILL);
    await this.#gone(running, UNDO_TIMEOUT_MS);
  }

  /** The exit code, 0 where there is none yet. */
  async wait(id: string, condition: WaitCondition): Promise<number> {
    const first = this.#now(id);
    const needsCheck = condition === "healthy" || condition === "unhealthy";
    if (needsCheck && first?.status === "running" && !first.health) throw notChecked(first);
    let code = first?.exitCode ?? 0;
    for (let delayMs = 2; ; delayMs = Math.min(delayMs * 2, 100)) {
      const record = this.#now(id);
      code = record?.exitCode ?? code;
      if (!record) return this.#records.lastExitCode(id) ?? code;
      if (holds(condition, record, first)) return code;
      await this.#clock.sleep(delayMs);
    }
  }

  // -- parts ------------------------------------------------------------------------------------

  #now(id: string): ContainerRecord | undefined {
    const stored = this.#records.find(id);
    return stored && this.#reconciler.see(stored);
  }

  /** Said first, so that whoever sees its end knows. */
  #stopping({ id, request }: ContainerRecord): void {
    if (request.restart) this.#records.stopping(id);
  }

  #signal(record: ContainerRecord, signal: number): boolean {
    if (!this.#kernel.signal(identity(record.process), signal)) return false;
    this.#records.note("kill", record, { signal: String(signal) });
    // What is held would never see its signal.
    if (record.status === "paused") letGo(this.#freezer, this.#records, record.id);
    return true;
  }

  #stopSignal({ imageId, request }: ContainerRecord): number {
    const image = imageId === undefined ? undefined : this.#images.byId([imageId]).get(imageId);
    const name = request.stopSignal ?? image?.config.config?.StopSignal;
    return name === undefined ? SIGNALS.TERM : (signalNumber(name) ?? SIGNALS.TERM);
  }

  /** The same, though somebody else may hold it after its signal was sent. */
  #over(record: ContainerRecord, timeoutMs: number): Promise<boolean> {
    return this.#gone(record, timeoutMs, () => {
      if (this.#records.find(record.id)?.status !== "paused") return;
      letGo(this.#freezer, this.#records, record.id);
    });
  }

  /** Waits until the container's processes, supervisor included, are gone. */
  async #gone(record: Running, timeoutMs: number, meanwhile = () => {}): Promise<boolean> {
    const beganMs = this.#clock.monotonicMs();
    while (processesAlive(this.#kernel, record)) {
      meanwhile();
      const waitedMs = this.#clock.monotonicMs() - beganMs;
      if (waitedMs >= timeoutMs) return false;
      // Somebody waits for one that ends at once; for what takes long, an eighth more is little.
      await this.#clock.sleep(Math.min(Math.max(0.25, waitedMs / 8), 50));
    }
    return true;
  }
}

const notChecked = ({ name }: ContainerRecord): NacreError =>
  new NacreError("invalid", `container ${name} has no health check`, {
    advice: "Give it one when it is made: --health-cmd, or HEALTHCHECK in its image.",
  });

/** Whether a run is not the one that was seen. */
const isAnotherThan =
  ({ process: seen }: ContainerRecord) =>
  ({ process: now }: ContainerRecord): boolean =>
    !isSame(now, seen);

const isAtRest = ({ status }: ContainerRecord): boolean =>
  status === "exited" || status === "removing" || status === "dead";

function holds(
  condition: WaitCondition,
  record: ContainerRecord,
  first: ContainerRecord | undefined,
): boolean {
  switch (condition) {
    case "not-running":
      // Docker's: one that was never started has ended as much as it ever will.
      return isAtRest(record) || record.status === "created";
    case "next-exit":
      // Another end than the one that it may have come to before.
      return isAtRest(record) && record.finishedMs !== first?.finishedMs;
    case "removed":
      return false;
    case "healthy":
    case "unhealthy":
      return isAtRest(record) || record.health?.status === condition;
    default:
      return record.status === condition;
  }
}
