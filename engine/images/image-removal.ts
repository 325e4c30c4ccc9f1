// Takes images away. What is shared with others stays. Files are renamed to the trash in the same
// transaction that forgets their records, and deleted afterwards: so a pull that counts on a layer
// finds in its own transaction either both or none. No image needs them by then: what names them
// was deleted in a transaction before, so that one that is broken off between a rename and its
// commit leaves no image without its layers.

import { whereFound } from "@nacre/core/error.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import { randomHex } from "@nacre/core/random-hex.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { ForgottenImages } from "./forgetting.ts";
import { addReachable } from "./manifest-graph.ts";
import type { StatePaths } from "./paths.ts";
import type { PullIntents } from "./pull-intent.ts";

/** Things that may have lost their last user. */
export interface Candidates {
  readonly blobs: readonly string[];
  readonly diffIds: readonly string[];
  readonly chainIds?: readonly string[];
}

/** What a transaction forgot and `ImageRemoval.finish` deletes. */
export interface Forgotten {
  readonly trash: string;
  readonly blobs: readonly string[];
  /** Diff IDs. */
  readonly layers: readonly string[];
  readonly snapshots: readonly {
    readonly snapshotter: string;
    readonly chainId: string;
    readonly diffIds: readonly string[];
  }[];
  readonly freedBytes: number;
}

export interface Swept {
  readonly freedBytes: number;
  readonly strayBytes: number;
}

export class ImageRemoval {
  readonly #files: Files;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #random: Random;
  readonly #snapshotters: readonly Snapshotter[];
  readonly #intents: PullIntents;
  readonly #paths: StatePaths;

  constructor(
    files: Files,
    content: ContentStore,
    state: StateStore,
    random: Random,
    snapshotters: readonly Snapshotter[],
    intents: PullIntents,
    paths: StatePaths,
  ) {
    this.#files = files;
    this.#content = content;
    this.#state = state;
    this.#random = random;
    this.#snapshotters = snapshotters;
    this.#intents = intents;
    this.#paths = paths;
  }

  /** Takes away what `take` has forgotten of names and images, and then what no image needs any more. */
  async remove(
    take: (transaction: Transaction) => readonly ForgottenImages[],
  ): Promise<{ untagged: string[]; deleted: string[] }> {
    // A machine that goes down must not remember an image whose files it has deleted.
    const all = this.#state.write(take, { durable: true });
    const untagged = all.flatMap((one) => one.untagged);
    const deleted = all.flatMap((one) => one.deleted);
    const candidates = all.flatMap((one) => one.candidates ?? []);
    if (candidates.length === 0) return { untagged, deleted };
    const forgotten = this.#state.write((t) => this.forget(t, together(candidates)));
    await this.finish(forgotten);
    return { untagged, deleted: [...deleted, ...forgotten.layers] };
  }

  /** Forgets, of the candidates, what no image of this transaction's state needs. */
  forget(transaction: Transaction, candidates: Candidates): Forgotten {
    const images = transaction.list("image");
    const needed = new Set(images.flatMap((image) => everythingOf(image)));
    for (const tag of transaction.list("tag")) needed.add(tag.digest);
    for (const step of transaction.list("step")) needed.add(step.diffId);
    addReachable(transaction, needed);
    for (const digest of unneeded(candidates.blobs, needed)) transaction.delete("manifest", digest);
    const trash = `${this.#paths.trash}/${randomHex(this.#random, 8)}`;
    let freedBytes = 0;
    const layers: string[] = [];
    for (const diffId of unneeded(candidates.diffIds, needed)) {
      const record = transaction.get("layer", diffId);
      if (!record) continue;
      transaction.delete("layer", diffId);
      layers.push(diffId);
      freedBytes += record.tarBytes;
      this.#throwAway(this.#paths.layerTar(diffId), trash);
      this.#throwAway(this.#paths.layerIndex(diffId), trash);
    }
    const blobs = unneeded(candidates.blobs, needed);
    for (const digest of blobs) {
      freedBytes += this.#content.sizeBytes(digest) ?? 0;
      transaction.delete("blob", digest);
    }
    const chainIds = new Set(candidates.chainIds);
    const snapshots = transaction
      .list("snapshot")
      .filter(({ chainId }) => chainIds.has(chainId) && !needed.has(chainId));
    for (const { key, sizeBytes, snapshotter } of snapshots) {
      // Of directories an image has a size, but shares most: who wants to know counts them.
      if (snapshotter !== "directory") freedBytes += sizeBytes;
      transaction.delete("snapshot", key);
    }
    return { trash, blobs, layers, snapshots, freedBytes };
  }

  /** Deletes what was forgotten. Whatever a killed process leaves here goes with the next sweep. */
  async finish(forgotten: Forgotten): Promise<void> {
    for (const { snapshotter, chainId, diffIds } of forgotten.snapshots) {
      const owner = this.#snapshotters.find(({ name }) => name === snapshotter);
      await owner?.remove(chainId, diffIds);
    }
    for (const digest of forgotten.blobs) await this.#removeBlob(digest);
    await this.#files.removeTree(forgotten.trash);
  }

  /** After a pull that cannot succeed: removes what it stored, if nobody else may be using it. */
  async discard(candidates: Candidates, intent: string): Promise<void> {
    const forgotten = this.#state.write((transaction) => {
      const shared = this.#intents.othersRun(transaction, intent);
      return shared ? undefined : this.forget(transaction, candidates);
    });
    if (!forgotten) return;
    await this.finish(forgotten);
    for (const digest of candidates.blobs) await this.#removePartial(digest);
  }

  /**
   * Removes what no record names: leftovers of killed processes, partial downloads, layers and
   * blobs of pulls that never ended. Nothing is touched while a pull runs. Returns the bytes that
   * were freed, without directories, and how many of them were of what no record had counted.
   */
  async sweep(): Promise<Swept> {
    const forgotten = this.#state.write((transaction) => {
      this.#intents.forgetDead(transaction);
      if (this.#intents.othersRun(transaction)) return undefined;
      const stored = this.#content.list();
      const recorded = new Set(transaction.list("blob").map(({ digest }) => digest));
      const unneeded = this.forget(transaction, {
        blobs: [...recorded, ...stored],
        diffIds: transaction.list("layer").map(({ diffId }) => diffId),
        chainIds: transaction.list("snapshot").map(({ chainId }) => chainId),
      });
      // Uncompressed blobs that a pull was killed before it removed: an image needs what has their
      // name, which is the layer, and no record names them.
      const doubled = stored.filter(
        (digest) => transaction.get("layer", digest) && !transaction.get("blob", digest),
      );
      const blobs = [...unneeded.blobs, ...doubled];
      const strays = [...new Set(blobs)].filter((digest) => !recorded.has(digest));
      const sizes = strays.map((digest) => this.#content.sizeBytes(digest) ?? 0);
      return { ...unneeded, blobs, strayBytes: sizes.reduce((sum, size) => sum + size, 0) };
    });
    if (!forgotten) return { freedBytes: 0, strayBytes: 0 };
    await this.finish(forgotten);
    for (const directory of [`${this.#paths.blobs}/sha256`, `${this.#paths.blobs}/sha512`]) {
      this.#files.sweep(directory, { partials: true });
    }
    for (const directory of [this.#paths.layers, this.#paths.builds]) {
      this.#files.sweep(directory, { partials: true });
    }
    for (const { name } of this.#snapshotters) {
      this.#files.sweep(this.#paths.snapshots(name), { partials: true });
    }
    await this.#files.removeTree(this.#paths.uploads);
    await this.#removeStrayLayers();
    await this.#removeStraySnapshots();
    await this.#files.removeTree(this.#paths.trash);
    return forgotten;
  }

  /** Layers that were renamed into place by a process that was killed before it recorded them. */
  async #removeStrayLayers(): Promise<void> {
    const records = this.#state.read((transaction) => transaction.list("layer"));
    const known = new Set(
      records.flatMap(({ diffId }) => [
        this.#paths.layerTar(diffId),
        this.#paths.layerIndex(diffId),
      ]),
    );
    for (const name of this.#files.list(this.#paths.layers)) {
      const path = `${this.#paths.layers}/${name}`;
      if (/^[0-9a-f]+\.(tar|idx|gz)$/.test(name) && !known.has(path)) this.#files.remove(path);
    }
  }

  /** What a process that was killed had merged before it recorded it, or whose record the machine lost. */
  async #removeStraySnapshots(): Promise<void> {
    const records = this.#state.read((transaction) => transaction.list("snapshot"));
    const known = new Set(records.map(({ key }) => key));
    for (const snapshotter of this.#snapshotters) {
      for (const chainId of snapshotter.list()) {
        const key = `${snapshotter.name}/${chainId}`;
        if (!known.has(key)) await snapshotter.remove(chainId, []);
      }
    }
  }

  /** Unless somebody pulled it again since. */
  async #removeBlob(digest: string): Promise<void> {
    const again = this.#state.read((transaction) => transaction.get("blob", digest));
    if (!again && this.#content.has(digest)) await this.#content.remove(digest);
  }

  async #removePartial(digest: string): Promise<void> {
    if (this.#content.has(digest)) return;
    const writer = await this.#content.writer(digest, Number.MAX_SAFE_INTEGER);
    await writer.discard();
  }

  #throwAway(path: string, trash: string): void {
    if (!this.#files.status(path)) return;
    this.#files.makeDirectory(trash);
    whereFound(() => this.#files.rename(path, `${trash}/${path.slice(path.lastIndexOf("/") + 1)}`));
  }
}

/**
 * Digests of all blobs that an image consists of, without the indexes that name it, and without
 * layers that are not compressed: those are their tars.
 */
export function imageBlobs(image: ImageRecord): string[] {
  const { diff_ids } = image.config.rootfs;
  const layers = image.layers.filter(({ digest }, n) => digest !== diff_ids[n]);
  return [...new Set([image.manifestDigest, image.id, ...layers.map((layer) => layer.digest)])];
}

/** Digests and IDs that an image keeps from being removed. */
function everythingOf(image: ImageRecord): string[] {
  return [...imageBlobs(image), ...image.config.rootfs.diff_ids, ...image.chainIds.slice(-1)];
}

const unneeded = (all: readonly string[], needed: ReadonlySet<string>): string[] =>
  [...new Set(all)].filter((one) => !needed.has(one));

/** Those of several images, as those of one. */
function together(all: readonly Candidates[]): Candidates {
  return {
    blobs: all.flatMap(({ blobs }) => blobs),
    diffIds: all.flatMap(({ diffIds }) => diffIds),
    chainIds: all.flatMap(({ chainIds = [] }) => chainIds),
  };
}
