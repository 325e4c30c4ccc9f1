// Steps that were done before, by what they were made from. A step's record keeps its layer; which
// image has that layer does not matter to it.

import { Sha256 } from "@nacre/core/digest.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { StepRecord } from "@nacre/core/state/records.ts";
import { contents } from "../images/layer-source.ts";
import type { BuildLayers } from "./build-layers.ts";
import type { ImportedStep, SharedStep } from "./cache-exchange.ts";
import { ALL_STEPS } from "./cache-limit.ts";

/** Changes with what steps are keyed by. */
const VERSION = 1;

const encoder = new TextEncoder();

export interface FoundStep {
  readonly diffId: string;
  readonly createdMs: number;
}

export class StepCache {
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #layers: BuildLayers;
  readonly #used = new Set<string>();
  /** Steps of this build, taken or done. */
  readonly #done = new Map<string, SharedStep>();
  readonly #imported = new Map<string, ImportedStep>();
  #hasher: Sha256 | undefined;
  #grew = false;

  constructor(state: StateStore, clock: Clock, layers: BuildLayers) {
    this.#state = state;
    this.#clock = clock;
    this.#layers = layers;
  }

  /** Of everything that decides what a step comes to; JSON. */
  key(kind: string, inputs: object): string {
    // The core's own: to load the host's takes longer than all keys of a build.
    this.#hasher ??= new Sha256(this.#layers.arena);
    const text = JSON.stringify([VERSION, kind, inputs]);
    return this.#hasher.update(encoder.encode(text)).digest();
  }

  /** Steps that others have done: looked for where none of ours is found. */
  add(steps: readonly ImportedStep[]): void {
    for (const step of steps) this.#imported.set(step.key, step);
  }

  /** Whether this build has added to it. */
  get grew(): boolean {
    return this.#grew;
  }

  /** What this build has taken and done. */
  done(): SharedStep[] {
    return [...this.#done.values()];
  }

  /** A step that was done, and whose layer is here. */
  async find(key: string): Promise<FoundStep | undefined> {
    const record = this.#state.read((t) => t.get("step", key));
    if (!record || !(await this.#layers.intact(record.diffId))) return this.#import(key);
    this.#used.add(key);
    const { description, diffId, createdMs } = record;
    this.#done.set(key, { key, description, diffId, createdMs });
    return record;
  }

  /** One that others have done, if its layer is what they say. */
  async #import(key: string): Promise<FoundStep | undefined> {
    const step = this.#imported.get(key);
    if (!step) return undefined;
    const { diffId, description, createdMs, open } = step;
    if (!(await this.#layers.intact(diffId))) {
      if (!open) return undefined;
      try {
        if ((await this.#layers.make(contents(await open()))) !== diffId) return undefined;
      } catch (error) {
        const spoiled = ["not-found", "corrupt", "invalid", "unsupported"];
        if (error instanceof NacreError && spoiled.includes(error.kind)) return undefined;
        throw error;
      }
    }
    return this.put(key, description, diffId, createdMs);
  }

  /** Records a step as soon as it is done: a crash after this loses nothing of it. */
  put(key: string, description: string, diffId: string, createdMs: number): FoundStep {
    const usedMs = this.#clock.nowMs();
    const record: StepRecord = { key, description, diffId, createdMs, usedMs, uses: 0 };
    this.#state.write((t) => {
      t.put("step", key, record);
      const size = t.get("cacheSize", ALL_STEPS);
      const bytes = t.get("layer", diffId)?.tarBytes ?? 0;
      if (size) t.put("cacheSize", ALL_STEPS, { bytes: size.bytes + bytes });
    });
    this.#grew = true;
    this.#done.set(key, { key, description, diffId, createdMs });
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
