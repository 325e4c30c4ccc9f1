// Recorded events of every process on a root. Each process appends what it does to the state;
// whoever follows reads on from the last sequence number when the database has changed.

import type { Files } from "@nacre/core/ports/files.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { EventRecord } from "@nacre/core/state/records.ts";
import type { StatePaths } from "./images/paths.ts";

const BATCH = 256;

export interface HistoryOptions {
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

export class History {
  readonly #state: StateStore;
  readonly #files: Files;
  readonly #paths: StatePaths;

  constructor(state: StateStore, files: Files, paths: StatePaths) {
    this.#state = state;
    this.#files = files;
    this.#paths = paths;
  }

  async *read(options: HistoryOptions = {}): AsyncIterable<EventRecord> {
    const { sinceMs = 0, untilMs = Number.POSITIVE_INFINITY, follow = false } = options;
    const signal = options.signal ?? new AbortController().signal;
    let last = 0;
    while (!signal.aborted) {
      const batch = this.#state.events(last, BATCH);
      for (const event of batch) {
        last = event.sequence;
        if (event.timeMs > untilMs) return;
        if (event.timeMs >= sinceMs) yield event;
      }
      if (batch.length > 0) continue;
      if (!follow) return;
      await this.#files.changed(this.#paths.root, signal);
    }
  }
}
