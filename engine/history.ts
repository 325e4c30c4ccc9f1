// Recorded events of every process on a root. Each process appends what it does to the state;
// whoever follows reads on from the last sequence number when the database has changed.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { EventRecord } from "@nacre/core/state/records.ts";
import { checkEventFilters, isMeantEvent } from "./event-filter.ts";
import type { Filters } from "./filters.ts";
import type { StatePaths } from "./images/paths.ts";

const BATCH = 256;

export interface HistoryOptions {
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly follow?: boolean;
  readonly filters?: Filters;
  readonly signal?: AbortSignal;
}

export class History {
  readonly #state: StateStore;
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #paths: StatePaths;

  constructor(state: StateStore, files: Files, clock: Clock, paths: StatePaths) {
    this.#state = state;
    this.#files = files;
    this.#clock = clock;
    this.#paths = paths;
  }

  async *read(options: HistoryOptions = {}): AsyncIterable<EventRecord> {
    const { sinceMs = 0, untilMs = Number.POSITIVE_INFINITY, follow = false } = options;
    const { filters = {} } = options;
    checkEventFilters(filters);
    const signal = options.signal ?? new AbortController().signal;
    let last = 0;
    let change: Promise<void> | undefined;
    while (!signal.aborted) {
      const batch = this.#state.events(last, BATCH);
      for (const event of batch) {
        last = event.sequence;
        if (event.timeMs > untilMs) return;
        if (event.timeMs >= sinceMs && isMeantEvent(event, filters)) yield event;
      }
      if (batch.length > 0) continue;
      if (!follow || this.#clock.nowMs() > untilMs) return;
      // Watched first and looked at once more, or what came between the two would be missed.
      const watched = change !== undefined;
      change ??= this.#files.changed(this.#paths.root, signal);
      if (!watched) continue;
      await change;
      change = undefined;
    }
  }
}
