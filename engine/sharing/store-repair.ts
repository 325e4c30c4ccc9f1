// Mends what a check of the store has found, as far as it can be mended from what is here:
//
//   a torn or damaged blob      goes; a layer's is compressed anew from its tar, if that gives the same
//   a torn or damaged layer     is unpacked anew from its blob
//   an index that is gone       is made anew from the tar
//   a merged root that is gone  is made anew when its image is next used
//   an index's document         is written anew from its record
//   a tag of no image           goes
//   what no record names        goes
//
// Every step may be the last one: what is mended stays so, and another repair goes on.

import type { Descriptor } from "@nacre/core/oci/image.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { BlobRecord, LayerRecord } from "@nacre/core/state/records.ts";
import { storeDocument } from "../images/documents.ts";
import type { ImageService } from "../images/images.ts";
import { contents } from "../images/layer-source.ts";
import type { LayerStore } from "../images/layer-store.ts";
import type { StatePaths } from "../images/paths.ts";
import { imagesOfTag, takeFromTag } from "../images/tag-platforms.ts";
import { type CompressedLayers, compressionNamed } from "./compressed-layers.ts";
import { indexDocument } from "./index-document.ts";
import { unpackStored } from "./unpack-stored.ts";

export interface RepairPorts {
  readonly files: Files;
  readonly content: ContentStore;
  readonly state: StateStore;
  readonly codec: Codec;
  readonly snapshotters: readonly Snapshotter[];
}

export class StoreRepair {
  readonly #ports: RepairPorts;
  readonly #images: ImageService;
  readonly #layers: LayerStore;
  readonly #compressed: CompressedLayers;
  readonly #paths: StatePaths;

  constructor(
    ports: RepairPorts,
    images: ImageService,
    layers: LayerStore,
    compressed: CompressedLayers,
    paths: StatePaths,
  ) {
    this.#ports = ports;
    this.#images = images;
    this.#layers = layers;
    this.#compressed = compressed;
    this.#paths = paths;
  }

  /** `digests`: whether contents are read, or sizes must do. */
  async run(digests: boolean): Promise<void> {
    await this.#images.storing("repair", async () => {
      await this.#blobs(digests);
      await this.#layersOf(digests);
      await this.#lostBlobs();
      await this.#indexes();
      await this.#roots();
      this.#names();
    });
    await this.#images.sweep();
  }

  async #blobs(digests: boolean): Promise<void> {
    const { content, state } = this.#ports;
    for (const { digest, sizeBytes } of state.read((t) => t.list("blob"))) {
      if (await this.#whole(this.#paths.blob(digest), digest, sizeBytes, digests)) continue;
      await content.remove(digest);
      state.write((t) => t.delete("blob", digest), { durable: true });
    }
  }

  async #layersOf(digests: boolean): Promise<void> {
    const { files, state } = this.#ports;
    const sources = this.#sources();
    const known = state.read((t) => t.list("layer"));
    for (const record of known) {
      const { diffId, tarBytes } = record;
      const index = this.#paths.layerIndex(diffId);
      if (await this.#whole(this.#paths.layerTar(diffId), diffId, tarBytes, digests)) {
        // An index has no digest: one that a machine may have torn as it went down is made anew.
        if (files.status(index)) await this.#layers.intact(diffId);
        else await this.#indexAnew(record);
        continue;
      }
      // A record that is believed must not come back over files that are made anew.
      state.write((t) => t.delete("layer", diffId), { durable: true });
      await this.#unpackAnew(diffId, sources.get(diffId));
    }
    const here = new Set(known.map(({ diffId }) => diffId));
    for (const [diffId, source] of sources) {
      if (!here.has(diffId)) await this.#unpackAnew(diffId, source);
    }
  }

  /** Blobs that images name and that are here no more, of layers whose tars are. */
  async #lostBlobs(): Promise<void> {
    const { content, state } = this.#ports;
    const all = [...this.#sources()].flatMap(([diffId, sources]) =>
      sources.map((one) => ({ diffId, ...one })),
    );
    for (const { diffId, digest, size, mediaType } of all) {
      if (digest === diffId || content.has(digest)) continue;
      const record = state.read((t) => t.get("layer", diffId));
      const compression = compressionNamed(mediaType);
      if (!record || !compression) continue;
      const made = await this.#compressed.make(diffId, record.tarBytes, compression);
      try {
        if (made.descriptor.digest !== digest || made.descriptor.size !== size) continue;
        const blob = await content.writer(digest, size);
        for await (const part of made.source.read(blob.offset, size - blob.offset)) {
          await blob.write(part);
        }
        await blob.commit();
        state.write((t) => t.put("blob", digest, this.#fresh({ digest, size, mediaType })));
      } finally {
        await made.discard();
      }
    }
  }

  /** Documents of indexes that were made here are written once more from their records. */
  async #indexes(): Promise<void> {
    const { content, state } = this.#ports;
    for (const record of state.read((t) => t.list("index"))) {
      const { digest, mediaType } = record;
      if (content.has(digest)) continue;
      const bytes = indexDocument(record);
      await storeDocument(content, { digest, mediaType, bytes });
      const fresh = this.#fresh({ digest, mediaType, size: bytes.length });
      state.write((t) => t.put("blob", digest, fresh));
    }
  }

  async #roots(): Promise<void> {
    const { state, snapshotters } = this.#ports;
    for (const { key, snapshotter, chainId } of state.read((t) => t.list("snapshot"))) {
      const owner = snapshotters.find(({ name }) => name === snapshotter);
      if (owner && !owner.has(chainId)) state.write((t) => t.delete("snapshot", key));
    }
  }

  #names(): void {
    this.#ports.state.write((t) => {
      for (const tag of t.list("tag")) {
        for (const id of imagesOfTag(tag)) {
          const now = t.get("tag", tag.reference);
          if (now && !t.get("image", id)) takeFromTag(t, now, id);
        }
      }
    });
  }

  /** The blobs that layers of images may come from, by diff ID: images may have one in several forms. */
  #sources(): Map<string, Descriptor[]> {
    const found = new Map<string, Descriptor[]>();
    for (const { config, layers } of this.#ports.state.read((t) => t.list("image"))) {
      for (const [at, layer] of layers.entries()) {
        const diffId = config.rootfs.diff_ids[at] as string;
        found.set(diffId, [...(found.get(diffId) ?? []), layer]);
      }
    }
    return found;
  }

  /** An index that is empty, and a record that is not believed: the next look makes the right one. */
  async #indexAnew(record: LayerRecord): Promise<void> {
    const { files, state } = this.#ports;
    files.replace(this.#paths.layerIndex(record.diffId), new Uint8Array());
    const doubted = { ...record, durable: false, bootId: "" };
    state.write((t) => t.put("layer", record.diffId, doubted), { durable: true });
    await this.#layers.intact(record.diffId);
  }

  async #unpackAnew(diffId: string, sources: readonly Descriptor[] = []): Promise<void> {
    const { content, files } = this.#ports;
    const source = sources.find(({ digest }) => digest !== diffId && content.has(digest));
    if (!source) return;
    for (const path of [this.#paths.layerTar(diffId), this.#paths.layerIndex(diffId)]) {
      if (files.status(path)) files.remove(path);
    }
    await unpackStored(this.#layers, source, diffId);
  }

  #fresh({ digest, size: sizeBytes, mediaType }: Descriptor): BlobRecord {
    return { digest, sizeBytes, mediaType, durable: false, bootId: "" };
  }

  async #whole(path: string, digest: string, bytes: number, digests: boolean): Promise<boolean> {
    const { files, codec } = this.#ports;
    if (files.status(path)?.sizeBytes !== bytes) return false;
    if (!digests) return true;
    const hasher = codec.hasher(digest.startsWith("sha512:") ? "sha512" : "sha256");
    for await (const chunk of contents(await files.open(path))) hasher.update(chunk);
    return hasher.digest() === digest;
  }
}
