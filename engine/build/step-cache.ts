// Steps that were done before, by what they were made from. A step's record keeps its layer; which
// image has that layer does not matter to it.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { StepRecord } from "@nacre/core/state/records.ts";
import type { BuildLayers } from "./build-layers.ts";

/** Changes with what steps are keyed by. */
const VERSION = 1;

export interface FoundStep {
  readonly diffId: string;
  readonly createdMs: number;
}

export class StepCache {
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #codec: Codec;
  readonly #layers: BuildLayers;
  readonly #used = new Set<string>();

  constructor(state: StateStore, clock: Clock, codec: Codec, layers: BuildLayers) {
    this.#state = state;
    this.#clock = clock;
    this.#codec = codec;
    this.#layers = layers;
  }

  /** Of everything that decides what a step comes to; JSON. */
  key(kind: string, inputs: object): string {
    const hasher = this.#codec.hasher("sha256");
    hasher.update(new TextEncoder().encode(JSON.stringify([VERSION, kind, inputs])));
    return hasher.digest();
  }

  /** A step that was done, and whose layer is here. */
  async find(key: string): Promise<FoundStep | undefined> {
    const record = this.#state.read((t) => t.get("step", key));
    if (!record || !(await this.#layers.intact(record.diffId))) return undefined;
    this.#used.add(key);
    return record;
  }

  /** Records a step as soon as it is done: a crash after this loses nothing of it. */
  put(key: string, description: string, diffId: string, createdMs: number): FoundStep {
    const usedMs = this.#clock.nowMs();
    const record: StepRecord = { key, description, diffId, createdMs, usedMs, uses: 0 };
    this.#state.write((t) => t.put("step", key, record));
    return record;
  }

  /** At the end of a build: what was taken from here was used now. */
  touch(): void {
    if (this.#used.size === 0) return;
    const usedMs = this.#clock.nowMs();
    this.#state.write((t) => {
      for (const key of this.#used) {
        const record = t.get("step", key);
        if (record) t.put("step", key, { ...record, usedMs, uses: record.uses + 1 });
      }
    });
    this.#used.clear();
  }
}
