// A layer that is made here: in one pass the exact tar, its index and its compressed blob.
//
//   tar ──▶ tar file, its digest (the diff ID), its index
//      └──▶ gzip ──▶ blob, its digest and size
//
// Neither digest is known before the end, so that all have temporary names till then.

import type { Core } from "@nacre/core/core.ts";
import { LayerIndexer } from "@nacre/core/layer-index.ts";
import { type Descriptor, MEDIA } from "@nacre/core/oci/image.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { FileReader, Files, FileWriter } from "@nacre/core/ports/files.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import { goneMeanwhile } from "../images/image-recorder.ts";
import { contents } from "../images/layer-source.ts";
import { withLayerFiles } from "../images/own-layer-files.ts";
import type { StatePaths } from "../images/paths.ts";

export interface NewLayer {
  readonly diffId: string;
  readonly descriptor: Descriptor;
}

export class LayerMaker {
  readonly #core: () => Core;
  readonly #files: Files;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #codec: Codec;
  readonly #random: Random;
  readonly #paths: StatePaths;
  readonly #bootId: string;

  constructor(
    core: () => Core,
    files: Files,
    content: ContentStore,
    state: StateStore,
    codec: Codec,
    random: Random,
    paths: StatePaths,
    bootId: string,
  ) {
    this.#core = core;
    this.#files = files;
    this.#content = content;
    this.#state = state;
    this.#codec = codec;
    this.#random = random;
    this.#paths = paths;
    this.#bootId = bootId;
  }

  /**
   * Stores a tar as a layer that stays as it is: it is its own blob. One that is here already is
   * left alone. To be called as `make` is.
   */
  async keep(tar: AsyncIterable<Uint8Array>): Promise<NewLayer> {
    return this.#made(async (own, create) => {
      const [tarFile, indexFile] = [await create(`${own}.tar`), await create(`${own}.idx`)];
      const tarHash = this.#codec.hasher("sha256");
      const indexer = new LayerIndexer(this.#core().fork());
      for await (const chunk of tar) {
        const kept = tarFile.write(chunk);
        kept.catch(() => {});
        tarHash.update(chunk);
        try {
          indexer.write(chunk);
        } finally {
          await kept;
        }
      }
      const diffId = tarHash.digest();
      const descriptor = { mediaType: MEDIA.ociLayer, digest: diffId, size: tarFile.sizeBytes };
      if (this.#isHere(diffId)) return { diffId, descriptor };
      await indexFile.write(indexer.finish());
      await this.#name(own, diffId, tarFile, indexFile);
      this.#record(diffId, tarFile.sizeBytes, descriptor);
      return { diffId, descriptor };
    });
  }

  /**
   * Stores an uncompressed tar as a layer. To be called while nobody takes what no image names for
   * rubbish (ImageService.storing).
   * @throws NacreError `corrupt` or `invalid` for what is no tar of a layer, `no-space`
   */
  async make(tar: AsyncIterable<Uint8Array>): Promise<NewLayer> {
    return this.#made(async (own, create) => {
      const [tarFile, indexFile] = [await create(`${own}.tar`), await create(`${own}.idx`)];
      const blobFile = await create(`${own}.gz`);
      const { diffId, index, digest } = await this.#write(tar, tarFile, blobFile);
      const descriptor = { mediaType: MEDIA.ociLayerGzip, digest, size: blobFile.sizeBytes };
      await this.#storeBlob(descriptor, blobFile.path);
      await indexFile.write(index);
      await this.#name(own, diffId, tarFile, indexFile);
      this.#record(diffId, tarFile.sizeBytes, descriptor);
      return { diffId, descriptor };
    });
  }

  #made(
    work: (own: string, create: (path: string) => Promise<FileWriter>) => Promise<NewLayer>,
  ): Promise<NewLayer> {
    return withLayerFiles(this.#files, this.#paths, this.#random, work);
  }

  async #name(
    own: string,
    diffId: string,
    tarFile: FileWriter,
    indexFile: FileWriter,
  ): Promise<void> {
    await indexFile.commit();
    await tarFile.commit();
    this.#files.rename(`${own}.idx`, this.#paths.layerIndex(diffId));
    this.#files.rename(`${own}.tar`, this.#paths.layerTar(diffId));
  }

  /** Whole, and written in this boot or flushed since. */
  #isHere(diffId: string): boolean {
    const record = this.#state.read((transaction) => transaction.get("layer", diffId));
    if (!record || !(record.durable || record.bootId === this.#bootId)) return false;
    const tar = this.#files.status(this.#paths.layerTar(diffId));
    const index = this.#files.status(this.#paths.layerIndex(diffId));
    return tar?.sizeBytes === record.tarBytes && index !== undefined;
  }

  async #write(tar: AsyncIterable<Uint8Array>, tarFile: FileWriter, blobFile: FileWriter) {
    const [tarHash, blobHash] = [this.#codec.hasher("sha256"), this.#codec.hasher("sha256")];
    const indexer = new LayerIndexer(this.#core().fork());
    async function* written(): AsyncGenerator<Uint8Array> {
      for await (const chunk of tar) {
        const kept = tarFile.write(chunk);
        // Looked at below, or not at all if the consumer gives up first.
        kept.catch(() => {});
        tarHash.update(chunk);
        try {
          indexer.write(chunk);
        } finally {
          // The file must not be closed below a write that still runs.
          await kept;
        }
        yield chunk;
      }
    }
    for await (const part of this.#codec.compress(written())) {
      blobHash.update(part);
      await blobFile.write(part);
    }
    return { diffId: tarHash.digest(), index: indexer.finish(), digest: blobHash.digest() };
  }

  async #storeBlob({ digest, size }: Descriptor, path: string): Promise<void> {
    if (this.#content.sizeBytes(digest) === size) return;
    const blob = await this.#content.writer(digest, size);
    try {
      for await (const part of contents(await this.#from(path, blob.offset))) {
        await blob.write(part);
      }
      await blob.commit();
    } catch (error) {
      await blob.discard();
      throw error;
    }
  }

  /** A file from an offset on. */
  async #from(path: string, offset: number): Promise<FileReader> {
    const reader = await this.#files.open(path);
    return {
      sizeBytes: reader.sizeBytes - offset,
      inode: reader.inode,
      read: (at, length) => reader.read(offset + at, length),
      close: () => reader.close(),
    };
  }

  #record(diffId: string, tarBytes: number, { digest, size, mediaType }: Descriptor): void {
    const fresh = { durable: false, bootId: this.#bootId };
    this.#state.write((transaction) => {
      // Another image with this layer may have been removed between our rename and now.
      if (!this.#files.status(this.#paths.layerTar(diffId))) throw goneMeanwhile(diffId);
      transaction.put("layer", diffId, { diffId, digest, tarBytes, ...fresh });
      if (digest === diffId || transaction.get("blob", digest)) return;
      transaction.put("blob", digest, { digest, sizeBytes: size, mediaType, ...fresh });
    });
  }
}
