// Containers that run in somebody's foreground: in this engine, which sees their ends.

import { NacreError } from "@nacre/core/error.ts";
import type { ExitStatus, RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { Reconciler } from "./reconcile.ts";
import type { ContainerStorage } from "./storage.ts";

export class Foreground {
  readonly #records: ContainerRecords;
  readonly #reconciler: Reconciler;
  readonly #storage: ContainerStorage;
  readonly #held = new Set<string>();

  constructor(records: ContainerRecords, reconciler: Reconciler, storage: ContainerStorage) {
    this.#records = records;
    this.#reconciler = reconciler;
    this.#storage = storage;
  }

  /** The exit code, when it is at rest; 0 when whoever had its terminal has left it running. */
  hold(id: string, running: RunningProgram): Promise<number> {
    this.#held.add(id);
    const atRest = running.exited
      .then((status) => this.#rest(id, status))
      .catch((error) => this.#lost(id, error));
    const left = running.left.then(() => this.#leave(id));
    return Promise.race([atRest, left]).finally(() => this.#held.delete(id));
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

  async #rest(id: string, status: ExitStatus): Promise<number> {
    const before = this.#records.get(id);
    const { autoRemove } = before.request;
    // While it is still held: nobody may start it before that is gone.
    if (!autoRemove || before.keepers) await this.#reconciler.clearUp(id);
    let ended: ContainerRecord;
    try {
      ended = this.#records.ended(id, status);
    } catch (error) {
      const full = error instanceof NacreError && error.kind === "no-space";
      if (!(full && autoRemove)) throw error;
      // It may be what fills the disk, and nobody will want it again.
      await this.#storage.delete(id);
      ended = this.#records.ended(id, status);
    }
    if (autoRemove && !this.#reconciler.isKept(ended)) await this.#reconciler.dismiss(id);
    return status.code;
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
