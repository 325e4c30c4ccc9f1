// The build cache on the disk: what is in it, and what goes.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { CacheMountRecord } from "@nacre/core/state/records.ts";
import type { BuildCacheEntry, CachePruneOptions } from "../build-interface.ts";
import { treeBytes } from "../containers/tree-size.ts";
import type { ImageService } from "../images/images.ts";
import type { StatePaths } from "../images/paths.ts";
import { stepEntries } from "./cache-limit.ts";

export class CacheUpkeep {
  readonly #files: Files;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #images: ImageService;
  readonly #paths: StatePaths;

  constructor(
    files: Files,
    state: StateStore,
    clock: Clock,
    images: ImageService,
    paths: StatePaths,
  ) {
    this.#files = files;
    this.#state = state;
    this.#clock = clock;
    this.#images = images;
    this.#paths = paths;
  }

  /** What was used last comes first. */
  entries(): BuildCacheEntry[] {
    const { steps, mounts } = this.#state.read((t) => ({
      steps: stepEntries(t),
      mounts: t.list("cacheMount"),
    }));
    return [...steps, ...mounts.map((record) => this.#mountEntry(record))].sort(
      (a, b) => b.usedMs - a.usedMs,
    );
  }

  async prune({
    all = false,
    unusedMs = 0,
    keepBytes = 0,
    where = () => true,
  }: CachePruneOptions): Promise<{ removed: string[]; reclaimedBytes: number }> {
    const before = this.#clock.nowMs() - unusedMs;
    let kept = 0;
    const going = this.entries().filter((entry) => {
      if ((entry.usedMs > before && unusedMs > 0) || !where(entry)) return false;
      if (!all && (entry.shared || entry.type === "cache mount")) return false;
      if (keepBytes > 0 && kept + entry.sizeBytes <= keepBytes) {
        kept += entry.sizeBytes;
        return false;
      }
      return true;
    });
    let reclaimedBytes = 0;
    for (const { key, type, sizeBytes } of going) {
      if (type !== "cache mount") continue;
      if (await this.#removeMount(key)) reclaimedBytes += sizeBytes;
    }
    this.#state.write((t) => {
      for (const { key, type } of going) if (type === "step") t.delete("step", key);
    });
    if (going.length > 0) reclaimedBytes += (await this.#images.sweep()).freedBytes;
    return { removed: going.map(({ key }) => key), reclaimedBytes };
  }

  #mountEntry({ name, id, createdMs, usedMs }: CacheMountRecord): BuildCacheEntry {
    const sizeBytes = treeBytes(this.#files, `${this.#paths.cacheMounts}/${name}`);
    const description = `cache mount ${id}`;
    return {
      key: name,
      type: "cache mount",
      description,
      sizeBytes,
      createdMs,
      usedMs,
      uses: 0,
      shared: false,
    };
  }

  /** Not one that a step has for itself. */
  async #removeMount(name: string): Promise<boolean> {
    const removed = this.#state.write((t) => {
      if (t.get("cacheMount", name)?.holder) return false;
      t.delete("cacheMount", name);
      return true;
    });
    if (removed) await this.#files.removeTree(`${this.#paths.cacheMounts}/${name}`);
    return removed;
  }
}
