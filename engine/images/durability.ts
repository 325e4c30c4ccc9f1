// What pulls write is flushed to disk behind the scenes, layer by layer while the next ones come. A
// pull returns when everything is in the page cache under its name. A record is marked
// durable once its files have been flushed. A process that ends before that leaves its records
// unmarked, which is right: as long as the machine is up they are whole, and after another boot
// whoever uses them verifies them first (LayerStore.intact) or makes them anew (Roots.prepare).
// The next pull flushes what earlier processes left.

import { whenFound } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { FiledKind } from "@nacre/core/state/records.ts";
import { eachBounded } from "./bounded.ts";
import type { StatePaths } from "./paths.ts";

/**
 * How many files are flushed at once: a file system's journal takes together what comes together,
 * and each occupies a thread that others need, too.
 */
const PARALLEL_FLUSHES = 2;

/** A record whose files are not flushed yet. */
interface Pending {
  readonly kind: FiledKind;
  readonly key: string;
  readonly paths: readonly string[];
}

export class Durability {
  readonly #files: Files;
  readonly #state: StateStore;
  readonly #paths: StatePaths;
  readonly #bootId: string;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(files: Files, state: StateStore, paths: StatePaths, bootId: string) {
    this.#files = files;
    this.#state = state;
    this.#paths = paths;
    this.#bootId = bootId;
  }

  /** Begins to flush what was written in this boot and has a record; goes on with what comes meanwhile. */
  begin(): void {
    this.#again = true;
    this.#running ??= this.#untilNothingIsLeft().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing is being flushed. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #untilNothingIsLeft(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      // The records stay unmarked then, which is the truth.
      await this.#flush().catch(() => {});
    }
  }

  async #flush(): Promise<void> {
    const pending = this.#pending();
    const flushed: Pending[] = [];
    const lost: Pending[] = [];
    await eachBounded(pending, PARALLEL_FLUSHES, undefined, async (one) => {
      try {
        if (await this.#all(one.paths)) flushed.push(one);
      } catch {
        lost.push(one);
      }
    });
    if (lost.length > 0) this.#distrust(lost);
    // Their names: a rename is durable once the directory was flushed.
    const paths = flushed.flatMap((one) => one.paths);
    await this.#all(new Set(paths.map((path) => path.slice(0, path.lastIndexOf("/")))));
    if (flushed.length === 0) return;
    this.#state.write((transaction) => {
      for (const { kind, key } of flushed) {
        const record = transaction.get(kind, key);
        if (record) transaction.put(kind, key, { ...record, durable: true });
      }
    });
  }

  /** What the disk has refused is read and verified before its next use, as after another boot. */
  #distrust(lost: readonly Pending[]): void {
    this.#state.write((transaction) => {
      for (const { kind, key } of lost) {
        const record = transaction.get(kind, key);
        if (record) transaction.put(kind, key, { ...record, bootId: "" });
      }
    });
  }

  #pending(): Pending[] {
    const fresh = ({ bootId }: { readonly bootId: string }): boolean => bootId === this.#bootId;
    return this.#state.read((transaction) => [
      ...transaction
        .listUnflushed("blob")
        .filter(fresh)
        .map(({ digest }): Pending => {
          return { kind: "blob", key: digest, paths: [this.#paths.blob(digest)] };
        }),
      ...transaction
        .listUnflushed("layer")
        .filter(fresh)
        .map(({ diffId }): Pending => {
          const paths = [this.#paths.layerTar(diffId), this.#paths.layerIndex(diffId)];
          return { kind: "layer", key: diffId, paths };
        }),
      ...transaction
        .listUnflushed("snapshot")
        .filter(fresh)
        .flatMap((record): Pending[] => {
          const paths = this.#snapshotFiles(record.snapshotter, record.chainId);
          return paths ? [{ kind: "snapshot", key: record.key, paths }] : [];
        }),
    ]);
  }

  /** The files of a snapshot; undefined for one that is a directory, which nobody flushes. */
  #snapshotFiles(snapshotter: string, chainId: string): string[] | undefined {
    const directory = this.#paths.snapshots(snapshotter);
    const hex = chainId.slice(chainId.indexOf(":") + 1);
    const paths = this.#files
      .list(directory)
      .filter((name) => name.startsWith(hex))
      .map((name) => `${directory}/${name}`);
    const files = paths.every((path) => this.#files.status(path)?.kind === "file");
    return files && paths.length > 0 ? paths : undefined;
  }

  /** Whether all could be flushed: what was removed meanwhile needs no mark. */
  async #all(paths: Iterable<string>): Promise<boolean> {
    const flushed = await whenFound(async () => {
      for (const path of paths) await this.#files.sync(path);
      return true;
    });
    return flushed ?? false;
  }
}
