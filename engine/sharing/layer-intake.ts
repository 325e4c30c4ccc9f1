// Layers that come as files of an archive, compressed or not, in one pass each:
//
//   gzip, zstd ─▶ blob ─▶ decompressed ─▶ tar file, its digest, its index
//   plain ──────────────────────────────▶ tar file, its digest, its index
//
// A plain one has no blob: it would be the same bytes once more. Neither digest need be known before
// the end, so that all have temporary names till then.

import type { Core } from "@nacre/core/core.ts";
import { LayerIndexer } from "@nacre/core/layer-index.ts";
import { type Descriptor, MEDIA } from "@nacre/core/oci/image.ts";
import type { Codec, Compression } from "@nacre/core/ports/codec.ts";
import type { Files, FileWriter } from "@nacre/core/ports/files.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import { ahead, ended, GatherBuffers, gather } from "../images/layer-source.ts";
import type { LayerStore } from "../images/layer-store.ts";
import { withLayerFiles } from "../images/own-layer-files.ts";
import type { StatePaths } from "../images/paths.ts";

const TYPES: Readonly<Record<Compression, string>> = {
  none: MEDIA.ociLayer,
  gzip: MEDIA.ociLayerGzip,
  zstd: MEDIA.ociLayerZstd,
};

export interface TakenLayer {
  readonly diffId: string;
  /** Of the blob, or of the tar where it came plain. */
  readonly descriptor: Descriptor;
}

export class LayerIntake {
  readonly #core: () => Core;
  readonly #files: Files;
  readonly #state: StateStore;
  readonly #codec: Codec;
  readonly #random: Random;
  readonly #layers: LayerStore;
  readonly #paths: StatePaths;
  readonly #bootId: string;
  readonly #buffers = new GatherBuffers();

  constructor(
    core: () => Core,
    files: Files,
    state: StateStore,
    codec: Codec,
    random: Random,
    layers: LayerStore,
    paths: StatePaths,
    bootId: string,
  ) {
    this.#core = core;
    this.#files = files;
    this.#state = state;
    this.#codec = codec;
    this.#random = random;
    this.#layers = layers;
    this.#paths = paths;
    this.#bootId = bootId;
  }

  /** A layer that is here already, by the digest that its blob or its tar has; it need not be read. */
  async known(digest: string): Promise<TakenLayer | undefined> {
    const record = this.#state.read((t) => {
      return t.get("layer", digest) ?? t.list("layer").find((one) => one.digest === digest);
    });
    if (!record || !(await this.#layers.intact(record.diffId))) return undefined;
    const { diffId, tarBytes } = record;
    if (diffId === digest) {
      return { diffId, descriptor: { mediaType: MEDIA.ociLayer, digest, size: tarBytes } };
    }
    const blob = this.#state.read((t) => t.get("blob", digest));
    if (!blob || !(await this.#layers.blobIntact(digest))) return undefined;
    if (this.#files.status(this.#paths.blob(digest))?.sizeBytes !== blob.sizeBytes)
      return undefined;
    const { mediaType, sizeBytes: size } = blob;
    return { diffId, descriptor: { mediaType, digest, size } };
  }

  /**
   * Stores a layer. To be called while nobody takes what no image names for rubbish.
   * @throws NacreError `corrupt` or `invalid` for what is no tar of a layer, `no-space`
   */
  async take(source: AsyncIterable<Uint8Array>, compression: Compression): Promise<TakenLayer> {
    return withLayerFiles(this.#files, this.#paths, this.#random, async (own, create) => {
      const [tar, index] = [await create(`${own}.tar`), await create(`${own}.idx`)];
      const blob = compression === "none" ? undefined : await create(`${own}.gz`);
      const found = await this.#write(source, compression, tar, blob);
      const { diffId, digest } = found;
      await index.write(found.index);
      await index.commit();
      await tar.commit();
      await blob?.commit();
      if (blob) this.#place(`${own}.gz`, this.#paths.blob(digest), blob.sizeBytes);
      this.#files.rename(`${own}.idx`, this.#paths.layerIndex(diffId));
      this.#files.rename(`${own}.tar`, this.#paths.layerTar(diffId));
      const size = blob?.sizeBytes ?? tar.sizeBytes;
      const descriptor = { mediaType: TYPES[compression], digest, size };
      this.#record(diffId, tar.sizeBytes, descriptor);
      return { diffId, descriptor };
    });
  }

  async #write(
    source: AsyncIterable<Uint8Array>,
    compression: Compression,
    tar: FileWriter,
    blob: FileWriter | undefined,
  ) {
    const blobHash = this.#codec.hasher("sha256");
    const tarHash = this.#codec.hasher("sha256");
    const indexer = new LayerIndexer(this.#core().fork());
    const gathered = gather(source, this.#buffers);
    const buffers = this.#buffers;
    async function* kept(file: FileWriter): AsyncGenerator<Uint8Array> {
      for await (const chunk of gathered) {
        const done = ended([file.write(chunk), blobHash.absorb(chunk)]);
        done.catch(() => {});
        yield chunk;
        await done;
        buffers.giveBack(chunk);
      }
    }
    const unpacked = blob ? this.#codec.decompress(compression, kept(blob)) : gathered;
    const recycle = (chunk: Uint8Array): void =>
      blob ? this.#codec.recycle(chunk) : buffers.giveBack(chunk);
    let done = Promise.resolve();
    try {
      for await (const chunk of ahead(unpacked, { remote: false })) {
        await done;
        done = ended([tar.write(chunk), tarHash.absorb(chunk)]).then(() => recycle(chunk));
        done.catch(() => {});
        indexer.write(chunk);
      }
    } finally {
      // The file must not be closed below a write that still runs.
      await done.catch(() => {});
    }
    await done;
    const diffId = tarHash.digest();
    return { diffId, index: indexer.finish(), digest: blob ? blobHash.digest() : diffId };
  }

  /** Under the name of its digest. */
  #place(from: string, to: string, sizeBytes: number): void {
    this.#files.makeDirectory(to.slice(0, to.lastIndexOf("/")));
    if (this.#files.status(to)?.sizeBytes === sizeBytes) this.#files.remove(from);
    else this.#files.rename(from, to);
  }

  #record(diffId: string, tarBytes: number, { digest, size, mediaType }: Descriptor): void {
    const fresh = { durable: false, bootId: this.#bootId };
    this.#state.write((t) => {
      t.put("layer", diffId, { diffId, digest, tarBytes, ...fresh });
      if (digest === diffId || t.get("blob", digest)) return;
      t.put("blob", digest, { digest, sizeBytes: size, mediaType, ...fresh });
    });
  }
}
