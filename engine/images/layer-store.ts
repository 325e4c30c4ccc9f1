// Layers on this machine. A layer comes in as a compressed blob and is three files afterwards: the
// blob as it came, the exact uncompressed tar, and the index of the tar's headers. All three are
// made in one pass:
//
//   registry ──▶ blob file, its digest and size
//            └─▶ decompress ──▶ tar file, its digest (the diff ID)
//                           └─▶ index of headers
//
// What breaks on the way leaves the blob's part for the next attempt. That one fetches the rest
// first and reads the whole blob from the page cache then.
//
// No flush is waited for. A record says in which boot its files were written, and whether they
// have been flushed since (durability.ts): if neither holds, they are read and verified before
// their next use, for a machine that went down may have torn them.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { LayerIndexer } from "@nacre/core/layer-index.ts";
import type { Descriptor } from "@nacre/core/oci/image.ts";
import type { Codec, Hasher } from "@nacre/core/ports/codec.ts";
import type { BlobWriter, ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { LayerRecord } from "@nacre/core/state/records.ts";
import type { Repository } from "../registry/registry.ts";
import { recognise } from "./compression.ts";
import { bomb, isCorrupt, isDamage, removedMeanwhile, wrongDiffId } from "./layer-faults.ts";
import { ahead, contents, ended, GatherBuffers, gather, kept } from "./layer-source.ts";
import type { StatePaths } from "./paths.ts";

/** What a pull may still write: shared by its layers, so that no bomb fills the disk. */
export interface DiskBudget {
  leftBytes: number;
}

/** A layer that is to be stored. */
export interface LayerTask {
  readonly repository: Pick<Repository, "blob">;
  readonly descriptor: Descriptor;
  readonly diffId: string;
  readonly budget: DiskBudget;
  readonly signal: AbortSignal;
  /** Compressed bytes that are here, of `descriptor.size`. */
  readonly received: (totalBytes: number) => void;
}

export class LayerStore {
  readonly #core: () => Core;
  readonly #files: Files;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #codec: Codec;
  readonly #paths: StatePaths;
  readonly #bootId: string;
  readonly #running = new Map<string, Promise<void>>();
  readonly #buffers = new GatherBuffers();

  constructor(
    core: () => Core,
    files: Files,
    content: ContentStore,
    state: StateStore,
    codec: Codec,
    paths: StatePaths,
    bootId: string,
  ) {
    this.#core = core;
    this.#files = files;
    this.#content = content;
    this.#state = state;
    this.#codec = codec;
    this.#paths = paths;
    this.#bootId = bootId;
  }

  /** The layer as snapshotters take it; it must be here. */
  stored(diffId: string): StoredLayer {
    return this.allStored([diffId])[0] as StoredLayer;
  }

  /** Several layers, in their order. */
  allStored(diffIds: readonly string[]): StoredLayer[] {
    return this.#state.read((transaction) =>
      diffIds.map((diffId) => {
        const record = transaction.get("layer", diffId);
        if (record) return this.#located(record);
        throw new NacreError("not-found", `the layer ${diffId} is not on this machine`);
      }),
    );
  }

  /** A layer that is here and can be trusted; verified first if the machine went down since. */
  async intact(diffId: string): Promise<StoredLayer | undefined> {
    return (await this.allIntact([diffId]))[0];
  }

  /** The same of several in their order, up to the first that is not. */
  async allIntact(diffIds: readonly string[]): Promise<StoredLayer[]> {
    const records = this.#state.read((t) => diffIds.map((diffId) => t.get("layer", diffId)));
    const trusted = new Set<string>();
    const layers: StoredLayer[] = [];
    for (const record of records) {
      if (!record || !(trusted.has(record.diffId) || (await this.#trusted(record)))) break;
      trusted.add(record.diffId);
      layers.push(this.#located(record));
    }
    return layers;
  }

  /**
   * Whether a layer's blob is what its record says, if it has one; verifies it if the machine went
   * down since, and removes what is torn.
   */
  async blobIntact(digest: string): Promise<boolean> {
    const record = this.#state.read((transaction) => transaction.get("blob", digest));
    if (!record || record.durable || record.bootId === this.#bootId) return true;
    const whole = this.#content.sizeBytes(digest) === record.sizeBytes;
    if (whole && (await this.#blobDigest(digest)) === digest) {
      const verified = { ...record, bootId: this.#bootId };
      this.#state.write((transaction) => transaction.put("blob", digest, verified));
      return true;
    }
    await this.#content.remove(digest);
    return false;
  }

  /** Whether nothing of a layer need be fetched. */
  async complete(diffId: string, digest: string): Promise<boolean> {
    if (!(await this.intact(diffId)) || !(await this.blobIntact(digest))) return false;
    // One that came plain has no blob.
    return digest === diffId || this.#content.has(digest);
  }

  /** Stores a layer. Idempotent; one that another call is storing now is waited for. */
  async store(task: LayerTask): Promise<void> {
    const { diffId, descriptor } = task;
    for (;;) {
      const running = this.#running.get(diffId);
      if (!running) break;
      await running.catch(() => {});
      if (await this.complete(diffId, descriptor.digest)) return;
    }
    const storing = async (): Promise<void> =>
      (await this.intact(diffId)) ? this.#storeBlob(task) : this.#store(task);
    const own = storing().finally(() => this.#running.delete(diffId));
    this.#running.set(diffId, own);
    await own;
  }

  // -- parts ------------------------------------------------------------------------------------

  #located({ diffId, tarBytes }: LayerRecord): StoredLayer {
    const [tarPath, indexPath] = [this.#paths.layerTar(diffId), this.#paths.layerIndex(diffId)];
    return { diffId, tarPath, tarBytes, indexPath };
  }

  async #trusted(record: LayerRecord): Promise<boolean> {
    const { diffId, tarBytes, durable, bootId } = record;
    if (!this.#whole(diffId, tarBytes)) return false;
    if (durable || bootId === this.#bootId) return true;
    const verified = await this.#verify(diffId);
    this.#state.write((transaction) => {
      if (verified) transaction.put("layer", diffId, { ...record, bootId: this.#bootId });
      else transaction.delete("layer", diffId);
    });
    return verified;
  }

  #whole(diffId: string, tarBytes: number): boolean {
    const tar = this.#files.status(this.#paths.layerTar(diffId));
    return (
      tar?.sizeBytes === tarBytes &&
      this.#files.status(this.#paths.layerIndex(diffId)) !== undefined
    );
  }

  async #store(task: LayerTask): Promise<void> {
    const { diffId, descriptor } = task;
    this.#files.makeDirectory(this.#paths.layers);
    const tarBytes = this.#content.has(descriptor.digest)
      ? await this.#fromBlob(task)
      : await this.#fromRegistry(task);
    this.#state.write((transaction) => {
      // Another process may have removed the layer between our rename and now (image-removal.ts).
      if (!this.#whole(diffId, tarBytes)) throw removedMeanwhile(diffId);
      const { digest, size: sizeBytes, mediaType } = descriptor;
      const fresh = { durable: false, bootId: this.#bootId };
      transaction.put("layer", diffId, { diffId, digest, tarBytes, ...fresh });
      if (digest !== diffId && !transaction.get("blob", digest)) {
        transaction.put("blob", digest, { digest, sizeBytes, mediaType, ...fresh });
      }
    });
    // The tar is the same bytes.
    if (descriptor.digest === diffId) await this.#content.remove(diffId);
  }

  /** Fetches the blob of a layer whose tar is here: another one had it, differently compressed. */
  async #storeBlob(task: LayerTask): Promise<void> {
    await this.#fetchRest(task);
    const { digest, size: sizeBytes, mediaType } = task.descriptor;
    const fresh = { durable: false, bootId: this.#bootId };
    this.#state.write((transaction) => {
      if (transaction.get("blob", digest)) return;
      transaction.put("blob", digest, { digest, sizeBytes, mediaType, ...fresh });
    });
  }

  async #fromRegistry(task: LayerTask): Promise<number> {
    const { descriptor, repository, received, signal } = task;
    const blob = await this.#content.writer(descriptor.digest, descriptor.size);
    const resumed = blob.offset;
    try {
      received(resumed);
      const bytes = repository.blob(descriptor, blob.offset, { signal, passing: true });
      const gathered = gather(bytes, this.#buffers);
      const source = ahead(gathered, { remote: true });
      const written = kept(source, blob, this.#buffers, received);
      if (blob.offset === 0) return await this.#tee(task, written, blob);
      for await (const _ of written);
    } catch (error) {
      await blob.suspend();
      throw error;
    }
    try {
      await blob.commit();
    } catch (error) {
      // What an earlier attempt left may have been torn. It is gone now: once more, from the start.
      if (resumed === 0 || !isCorrupt(error)) throw error;
      return this.#fromRegistry(task);
    }
    return this.#unpack(task, this.#read(descriptor.digest), async () => {});
  }

  /** One pass from the registry to all three files. */
  async #tee(
    task: LayerTask,
    source: AsyncGenerator<Uint8Array>,
    blob: BlobWriter,
  ): Promise<number> {
    let judged = false;
    try {
      return await this.#unpack(task, source, () => {
        judged = true;
        return blob.commit();
      });
    } catch (error) {
      if (judged || !isDamage(error)) throw error;
      // Wrong bytes rarely make a tar. Whether they are wrong decides who is told.
      await blob.suspend();
      await this.#fetchRest(task);
      throw error;
    }
  }

  /** Fetches what is missing of a blob; throws if it is not the one that was promised. */
  async #fetchRest({ descriptor, repository, signal }: LayerTask): Promise<void> {
    const { digest, size } = descriptor;
    const blob = await this.#content.writer(digest, size);
    try {
      const bytes = repository.blob(descriptor, blob.offset, { signal, passing: true });
      const rest = gather(bytes, this.#buffers);
      for await (const _ of kept(rest, blob, this.#buffers, () => {}));
    } catch (error) {
      await blob.suspend();
      throw error;
    }
    await blob.commit();
  }

  /** From a blob that is here; its digest is checked again if the machine went down since. */
  async #fromBlob(task: LayerTask): Promise<number> {
    const { digest, size } = task.descriptor;
    const record = this.#state.read((transaction) => transaction.get("blob", digest));
    const trusted = record !== undefined && (record.durable || record.bootId === this.#bootId);
    const hasher = this.#codec.hasher(algorithmOf(digest));
    const source = trusted ? this.#read(digest) : hashed(this.#read(digest), hasher);
    const torn = this.#content.sizeBytes(digest) !== size;
    try {
      if (torn) throw new NacreError("corrupt", `the stored blob ${digest} is torn`);
      return await this.#unpack(task, source, async () => {
        if (!trusted && hasher.digest() !== digest) {
          throw new NacreError("corrupt", `the stored blob ${digest} has other contents`);
        }
      });
    } catch (error) {
      if (trusted || !isCorrupt(error)) throw error;
      await this.#content.remove(digest);
      return this.#fromRegistry(task);
    }
  }

  async #blobDigest(digest: string): Promise<string> {
    const hasher = this.#codec.hasher(algorithmOf(digest));
    for await (const chunk of this.#read(digest)) await hasher.absorb(chunk);
    return hasher.digest();
  }

  async *#read(digest: string): AsyncGenerator<Uint8Array> {
    yield* contents(await this.#content.reader(digest));
  }

  /**
   * Writes tar and index from compressed bytes; `verified` is called when all have been read and
   * throws if they were not what was promised. Returns the tar's size.
   */
  async #unpack(
    task: LayerTask,
    source: AsyncGenerator<Uint8Array>,
    verified: () => Promise<void>,
  ): Promise<number> {
    const { diffId, budget } = task;
    const tar = await this.#files.create(this.#paths.layerTar(diffId));
    const index = await this.#files.create(this.#paths.layerIndex(diffId));
    try {
      const { compression, whole } = await recognise(source);
      const unpacked = this.#codec.decompress(compression, whole);
      const found = await this.#scan(unpacked, algorithmOf(diffId), async (chunk) => {
        budget.leftBytes -= chunk.length;
        if (budget.leftBytes < 0) throw bomb(task, tar);
        await tar.write(chunk);
      });
      // A decompressor may end before its input does; all of it counts.
      for await (const _ of whole);
      await verified();
      if (found.diffId !== diffId) throw wrongDiffId(task, found.diffId);
      await index.write(found.index);
      await index.commit();
      await tar.commit();
      return tar.sizeBytes;
    } finally {
      // After a commit these do nothing.
      await tar.discard();
      await index.discard();
    }
  }

  /**
   * Hashes and indexes a tar; `write` gets each chunk, and works while that is hashed and the next
   * one comes. Chunks are recycled when all are done with them.
   */
  async #scan(
    tar: AsyncIterable<Uint8Array>,
    algorithm: "sha256" | "sha512",
    write: (chunk: Uint8Array) => Promise<void>,
  ): Promise<{ diffId: string; index: Uint8Array }> {
    const hasher = this.#codec.hasher(algorithm);
    const indexer = new LayerIndexer(this.#core().fork());
    let done = Promise.resolve();
    try {
      for await (const chunk of ahead(tar, { remote: false })) {
        await done;
        done = ended([hasher.absorb(chunk), write(chunk)]).then(() => this.#codec.recycle(chunk));
        done.catch(() => {});
        indexer.write(chunk);
      }
    } finally {
      // The file must not be closed below a write that still runs.
      await done.catch(() => {});
    }
    await done;
    return { diffId: hasher.digest(), index: indexer.finish() };
  }

  /** Reads a stored layer again; also its index is made anew. */
  async #verify(diffId: string): Promise<boolean> {
    const reader = await this.#files.open(this.#paths.layerTar(diffId));
    try {
      const found = await this.#scan(contents(reader), algorithmOf(diffId), async () => {});
      if (found.diffId !== diffId) return false;
      this.#files.replace(this.#paths.layerIndex(diffId), found.index);
      return true;
    } catch (error) {
      if (isCorrupt(error)) return false;
      throw error;
    }
  }
}

const algorithmOf = (digest: string): "sha256" | "sha512" =>
  digest.startsWith("sha512:") ? "sha512" : "sha256";

async function* hashed(
  source: AsyncIterable<Uint8Array>,
  hasher: Hasher,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    await hasher.absorb(chunk);
    yield chunk;
  }
}
