// Without a daemon nobody watches a container all the time. Whoever looks next compares what is
// recorded with what is there: an exit record, a process that is gone, a boot that is another.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { ExitStatus, Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import { parseExitRecord } from "@nacre/core/program/exit-record.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { StatePaths } from "../images/paths.ts";
import type { ContainerRecords } from "./container-records.ts";

/** What is reported of a process whose end nobody saw: the machine went down, or its supervisor was killed. */
const UNSEEN_EXIT_CODE = 255;
/** How long a starter may take between the claim and the record of its start. */
const SETTLE_PATIENCE_MS = 10_000;

/** A stored identity as the kernel port takes it; pid 0 where there is none. */
export function identity(stored: ContainerRecord["process"]): ProcessIdentity {
  return { pid: stored?.pid ?? 0, startTime: BigInt(stored?.startTime ?? 0) };
}

/** Whether its first process, or the supervisor that still has to undo its program, lives. */
export function processesAlive(kernel: Kernel, record: ContainerRecord): boolean {
  return [record.process, record.supervisor].some(
    (stored) => stored !== undefined && kernel.alive(identity(stored)),
  );
}

export class Reconciler {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #records: ContainerRecords;
  readonly #paths: StatePaths;
  readonly #bootId: string;

  constructor(
    kernel: Kernel,
    files: Files,
    clock: Clock,
    records: ContainerRecords,
    paths: StatePaths,
    bootId: string,
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#clock = clock;
    this.#records = records;
    this.#paths = paths;
    this.#bootId = bootId;
  }

  /** The container as it is now; undefined if all that was left to do was its removal. */
  see(record: ContainerRecord): ContainerRecord | undefined {
    const { status, id } = record;
    if (status !== "starting" && status !== "running" && status !== "paused") return record;
    const sameBoot = record.bootId === this.#bootId;
    if (sameBoot && processesAlive(this.#kernel, record)) return record;
    if (status === "starting" && !this.#files.status(this.#paths.container(id).exit)) {
      return this.#records.failed(id, UNSEEN_EXIT_CODE, "the process that started it was killed");
    }
    return this.#records.ended(id, this.#exitStatus(id));
  }

  /** Puts a container to rest whose processes have ended, and removes it if it asked for that. */
  async settle(id: string): Promise<void> {
    const until = this.#clock.monotonicMs() + SETTLE_PATIENCE_MS;
    for (let delayMs = 1; ; delayMs = Math.min(delayMs * 2, 100)) {
      const stored = this.#records.find(id);
      const record = stored && this.see(stored);
      if (!record) return;
      if (record.status === "exited") {
        if (record.request.autoRemove) await this.remove(id);
        return;
      }
      const ending = record.status === "starting" || record.status === "running";
      if (!ending || this.#clock.monotonicMs() > until) return;
      await this.#clock.sleep(delayMs);
    }
  }

  /** Deletes a container's storage layer and its record. What a killed removal left is finished. */
  async remove(id: string): Promise<void> {
    if (!this.#records.find(id)) return;
    this.#records.removing(id, true);
    await this.#files.removeTree(this.#paths.container(id).directory);
    this.#records.removed(id);
  }

  #exitStatus(id: string): ExitStatus {
    const { exit } = this.#paths.container(id);
    if (this.#files.status(exit)) return parseExitRecord(this.#files.readText(exit));
    return {
      code: UNSEEN_EXIT_CODE,
      signal: 0,
      oomKilled: false,
      finishedAtMs: this.#clock.nowMs(),
    };
  }
}
