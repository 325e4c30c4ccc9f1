// Containers that run in somebody's foreground: in this engine, which sees their ends.

import { NacreError } from "@nacre/core/error.ts";
import type { ExitStatus, ProcessIdentity, RunningProgram } from "@nacre/core/ports/kernel.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { EngineEvent } from "../engine.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { Reconciler } from "./reconcile.ts";
import type { ContainerStorage } from "./storage.ts";

export interface ForegroundOptions {
  /** This process, recorded as the holder of what it removes. */
  readonly self: ProcessIdentity;
  readonly bootId: string;
  /** Has somebody else do what the restart policy says of a container that has ended. */
  readonly follow: (id: string) => Promise<void>;
  readonly tell: (notice: EngineEvent) => void;
}

/** By these whoever waits for a container wants it to end. */
const ENDING: readonly number[] = [SIGNALS.HUP, SIGNALS.INT, SIGNALS.QUIT, SIGNALS.TERM];

export class Foreground {
  readonly #records: ContainerRecords;
  readonly #reconciler: Reconciler;
  readonly #storage: ContainerStorage;
  readonly #options: ForegroundOptions;
  readonly #held = new Set<string>();

  constructor(
    records: ContainerRecords,
    reconciler: Reconciler,
    storage: ContainerStorage,
    options: ForegroundOptions,
  ) {
    this.#records = records;
    this.#reconciler = reconciler;
    this.#storage = storage;
    this.#options = options;
  }

  /** The exit code, when it is at rest; 0 when whoever had its terminal has left it running. */
  hold(container: ContainerRecord, running: RunningProgram): Promise<number> {
    const { id } = container;
    this.#held.add(id);
    const atRest = running.exited
      .then((status) => this.#rest(container, status))
      .catch((error) => this.#lost(id, error));
    const left = running.left.then(() => this.#leave(id));
    return Promise.race([atRest, left]).finally(() => this.#held.delete(id));
  }

  /** Hands on a signal of its caller's. As with docker's kill, what it ends is not started again. */
  signal({ id, request }: ContainerRecord, running: RunningProgram, number: number): void {
    try {
      if (request.restart && ENDING.includes(number)) this.#records.stopping(id);
    } catch {
      // What cannot be recorded keeps no signal.
    }
    running.signal(number);
  }

  /** At the engine's end: what still runs is left to whoever comes next. */
  release(): void {
    for (const id of this.#held) this.#records.released(id);
  }

  /** From here on it runs in the background. */
  #leave(id: string): number {
    this.#records.released(id, ({ request }) => ({ request: { ...request, detached: true } }));
    return 0;
  }

  async #rest(container: ContainerRecord, status: ExitStatus): Promise<number> {
    const { id, request } = container;
    if (request.autoRemove && (await this.#goes(id, status))) return status.code;
    // While it is still held: nobody may start it before that is gone.
    await this.#reconciler.clearUp(container);
    const ended = this.#records.ended(id, status);
    if (request.autoRemove && !this.#reconciler.isKept(ended)) await this.#reconciler.dismiss(id);
    if (request.restart) await this.#goOn(ended);
    return status.code;
  }

  /** In the background: its caller has seen the end that it waited for, as with docker. */
  async #goOn({ id, name }: ContainerRecord): Promise<void> {
    try {
      await this.#options.follow(id);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.tell({ type: "notice", message: `${name} is not started again: ${why}` });
    }
  }

  /** Removes one with `--rm`: its end and that it goes are one change. False where somebody keeps it, or has put it to rest. */
  async #goes(id: string, status: ExitStatus): Promise<boolean> {
    const { self, bootId } = this.#options;
    const isKept = (record: ContainerRecord) => this.#reconciler.isKept(record);
    const end = () => this.#records.endedForGood(id, status, self, bootId, isKept);
    let ended: ContainerRecord;
    try {
      ended = end();
    } catch (error) {
      if (!(error instanceof NacreError && error.kind === "no-space")) throw error;
      // It may be what fills the disk, and nobody will want it again.
      await this.#storage.delete(id);
      ended = end();
    }
    if (ended.status !== "removing") return false;
    await this.#reconciler.finishRemoval(ended);
    return true;
  }

  /** Its supervisor was killed, or its end could not be recorded: it is as one that nobody held. */
  async #lost(id: string, error: unknown): Promise<never> {
    try {
      this.#records.released(id);
      await this.#reconciler.settle(id);
    } catch {
      // What stands in the way of this stood in the way before: that is what is told.
    }
    throw error;
  }
}
