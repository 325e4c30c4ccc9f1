// Directories that steps share from build to build: `RUN --mount=type=cache`. They are this
// machine's, below its state root; nothing of them is in an image.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { CacheMountRecord } from "@nacre/core/state/records.ts";
import type { StatePaths } from "../images/paths.ts";

export interface CacheWish {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sharing: "shared" | "private" | "locked";
}

const LOOK_AGAIN_MS = 50;

export class CacheMounts {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #codec: Codec;
  readonly #paths: StatePaths;
  readonly #self: NonNullable<CacheMountRecord["holder"]>;
  /** Those that this process has for itself. */
  readonly #held = new Set<string>();

  constructor(
    kernel: Kernel,
    files: Files,
    state: StateStore,
    clock: Clock,
    codec: Codec,
    paths: StatePaths,
    { self, bootId }: { readonly self: ProcessIdentity; readonly bootId: string },
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#state = state;
    this.#clock = clock;
    this.#codec = codec;
    this.#paths = paths;
    this.#self = { pid: self.pid, startTime: String(self.startTime), bootId };
  }

  /** The directory of an ID, made if need be; one that is locked is waited for, of a private one another is taken. */
  async take(
    id: string,
    wish: CacheWish,
  ): Promise<{ readonly path: string; readonly release: () => void }> {
    for (let number = 0; ; ) {
      const name = this.#name(id, number);
      if (this.#claim(name, id, wish.sharing !== "shared")) {
        await this.#make(name, wish);
        return { path: `${this.#paths.cacheMounts}/${name}`, release: () => this.#release(name) };
      }
      if (wish.sharing === "private") number++;
      else await this.#clock.sleep(LOOK_AGAIN_MS);
    }
  }

  #name(id: string, number: number): string {
    const hasher = this.#codec.hasher("sha256");
    hasher.update(new TextEncoder().encode(JSON.stringify([id, number])));
    return hasher.digest().slice("sha256:".length, "sha256:".length + 32);
  }

  #claim(name: string, id: string, alone: boolean): boolean {
    return this.#state.write((t) => {
      const nowMs = this.#clock.nowMs();
      const before = t.get("cacheMount", name);
      if (alone && (this.#held.has(name) || this.#isTaken(before))) return false;
      if (alone) this.#held.add(name);
      const { holder, ...known } = before ?? { name, id, createdMs: nowMs };
      const kept = alone ? this.#self : holder;
      t.put("cacheMount", name, { ...known, usedMs: nowMs, ...(kept && { holder: kept }) });
      return true;
    });
  }

  #isTaken(record: CacheMountRecord | undefined): boolean {
    const { holder } = record ?? {};
    if (!holder || holder.bootId !== this.#self.bootId || holder.pid === this.#self.pid)
      return false;
    return this.#kernel.alive({ pid: holder.pid, startTime: BigInt(holder.startTime) });
  }

  #release(name: string): void {
    if (!this.#held.delete(name)) return;
    this.#state.write((t) => {
      const record = t.get("cacheMount", name);
      if (!record) return;
      const { holder, ...rest } = record;
      t.put("cacheMount", name, rest);
    });
  }

  async #make(name: string, { mode, uid, gid }: CacheWish): Promise<void> {
    const parent = this.#paths.cacheMounts;
    if (this.#files.status(`${parent}/${name}`)) return;
    this.#files.makeDirectory(parent);
    await this.#kernel.perform({
      title: "make a cache mount",
      host: [
        { op: "openRoot", path: parent, why: "to make a directory in it" },
        { op: "placeDirectory", path: name, mode, uid, gid, why: "steps of builds share it" },
      ],
    });
  }
}
