// What pulls write is flushed to disk behind the scenes. A pull returns when everything is in the
// page cache under its name; its flush begins then and nobody waits for it. A record is marked
// durable once its files have been flushed. A process that ends before that leaves its records
// unmarked, which is right: as long as the machine is up they are whole, and after another boot
// whoever uses them verifies them first (LayerStore.intact) or makes them anew (snapshots).

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { StatePaths } from "./paths.ts";

export class Durability {
  readonly #files: Files;
  readonly #state: StateStore;
  readonly #paths: StatePaths;
  #running: Promise<void> = Promise.resolve();

  constructor(files: Files, state: StateStore, paths: StatePaths) {
    this.#files = files;
    this.#state = state;
    this.#paths = paths;
  }

  /** Begins to flush what an image consists of, after what is being flushed already. */
  begin(image: ImageRecord): void {
    this.#running = this.#running
      .then(() => this.#flush(image))
      .catch(() => {
        // The records stay unmarked, which is the truth.
      });
  }

  /** Resolves when nothing is being flushed. */
  settled(): Promise<void> {
    return this.#running;
  }

  async #flush(image: ImageRecord): Promise<void> {
    const { blobs, layers, tars } = this.#state.read((t) => pending(t, image));
    if (blobs.length + layers.length === 0) return;
    const paths = [
      ...blobs.map((digest) => this.#paths.blob(digest)),
      ...tars.flatMap((diffId) => [this.#paths.layerTar(diffId), this.#paths.layerIndex(diffId)]),
    ];
    for (const path of paths) await this.#sync(path);
    // Their names: renames of a directory are durable once it was flushed.
    for (const path of new Set(paths.map((p) => p.slice(0, p.lastIndexOf("/"))))) {
      await this.#sync(path);
    }
    this.#state.write((transaction) => {
      for (const digest of blobs) {
        const record = transaction.get("blob", digest);
        if (record) transaction.put("blob", digest, { ...record, durable: true });
      }
      for (const diffId of layers) {
        const record = transaction.get("layer", diffId);
        if (record) transaction.put("layer", diffId, { ...record, durable: true });
      }
    });
  }

  async #sync(path: string): Promise<void> {
    try {
      await this.#files.sync(path);
    } catch (error) {
      if (!(error instanceof NacreError && error.kind === "not-found")) throw error;
    }
  }
}

/** What of an image is not durable yet. */
function pending(transaction: Transaction, image: ImageRecord) {
  const blobs = imageBlobs(image).filter(
    (digest) => transaction.get("blob", digest)?.durable === false,
  );
  const layers = image.config.rootfs.diff_ids.filter(
    (diffId) => transaction.get("layer", diffId)?.durable === false,
  );
  return { blobs, layers, tars: [...new Set(layers)] };
}

/** Digests of all blobs that an image consists of, without the indexes that name it. */
export function imageBlobs(image: ImageRecord): string[] {
  return [
    ...new Set([image.manifestDigest, image.id, ...image.layers.map((layer) => layer.digest)]),
  ];
}
