// How large the build cache may be.

import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { StepRecord } from "@nacre/core/state/records.ts";
import type { BuildCacheEntry } from "../build-interface.ts";
import type { CacheUpkeep } from "./cache-upkeep.ts";

/** The key of the record of how much there is. */
export const ALL_STEPS = "steps";

/** What builds leave at most, if nobody says otherwise. What was used last stays. */
export const DEFAULT_CACHE_BYTES = 10 * 2 ** 30;

/** A layer that several steps came to counts for one of them. */
export function stepEntries(t: Transaction): BuildCacheEntry[] {
  const needed = new Set(t.list("image").flatMap(({ config }) => config.rootfs.diff_ids));
  const counted = new Set<string>();
  return t.list("step").map(({ key, description, diffId, createdMs, usedMs, uses }: StepRecord) => {
    const shared = needed.has(diffId);
    const sizeBytes = counted.has(diffId) ? 0 : (t.get("layer", diffId)?.tarBytes ?? 0);
    counted.add(diffId);
    return { key, type: "step", description, sizeBytes, createdMs, usedMs, uses, shared };
  });
}

/** Keeps the cache below a size: what was not used for longest goes. */
export class CacheLimit {
  readonly #state: StateStore;
  readonly #upkeep: () => Promise<CacheUpkeep>;
  readonly #limitBytes: number;

  /** `upkeep`: what prunes, loaded where it has to. */
  constructor(state: StateStore, upkeep: () => Promise<CacheUpkeep>, limitBytes: number) {
    this.#state = state;
    this.#upkeep = upkeep;
    this.#limitBytes = limitBytes;
  }

  /**
   * To count the cache takes all images and all steps, milliseconds where there are many. So it is
   * known how large it may be at most, and counted when that is too much.
   */
  async hold(): Promise<void> {
    const known = this.#state.read((t) => t.get("cacheSize", ALL_STEPS));
    if (known && known.bytes <= this.#limitBytes) return;
    const own = this.#state.write((t) => {
      const steps = stepEntries(t);
      t.put("cacheSize", ALL_STEPS, { bytes: sizeOf(steps) });
      return sizeOf(steps.filter(({ shared }) => !shared));
    });
    if (own <= this.#limitBytes) return;
    await (await this.#upkeep()).prune({ keepBytes: this.#limitBytes });
  }
}

const sizeOf = (steps: readonly BuildCacheEntry[]): number =>
  steps.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
