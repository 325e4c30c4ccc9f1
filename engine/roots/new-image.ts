// An image that is made here: a config and a manifest over layers that are stored.

import type { Core } from "@nacre/core/core.ts";
import { chainIds } from "@nacre/core/digest.ts";
import { type Descriptor, type ImageConfig, MEDIA } from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { EventBus } from "../event-bus.ts";
import { readAccounts } from "../images/accounts.ts";
import { type Document, storeDocument } from "../images/documents.ts";
import type { ImageService } from "../images/images.ts";
import type { LayerStore } from "../images/layer-store.ts";
import { goneMeanwhile } from "./new-layer.ts";

export interface NewImage {
  /** Whole: with its diff IDs, in the order of the layers. */
  readonly config: ImageConfig;
  /** Bottom first. */
  readonly layers: readonly Descriptor[];
  /** Normalised, with a tag; absent for an image without a name. */
  readonly reference?: string;
  /** As an event says it: `commit`, `import`. */
  readonly action: string;
}

/** OCI's name for what docker's manifests call a layer: an OCI manifest has no others. */
const OCI_TYPES: Readonly<Record<string, string>> = { [MEDIA.dockerLayer]: MEDIA.ociLayerGzip };

const encoder = new TextEncoder();

export class ImageMaker {
  readonly #core: () => Core;
  readonly #files: Files;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #codec: Codec;
  readonly #bus: EventBus;
  readonly #images: ImageService;
  readonly #layers: LayerStore;
  readonly #bootId: string;

  constructor(
    core: () => Core,
    files: Files,
    content: ContentStore,
    state: StateStore,
    clock: Clock,
    codec: Codec,
    bus: EventBus,
    images: ImageService,
    layers: LayerStore,
    bootId: string,
  ) {
    this.#core = core;
    this.#files = files;
    this.#content = content;
    this.#state = state;
    this.#clock = clock;
    this.#codec = codec;
    this.#bus = bus;
    this.#images = images;
    this.#layers = layers;
    this.#bootId = bootId;
  }

  /** Stores and names it, ready to run; the layers are here. */
  async make(wanted: NewImage): Promise<ImageRecord> {
    const { config } = wanted;
    const layers = wanted.layers.map(({ mediaType, digest, size }) => {
      return { mediaType: OCI_TYPES[mediaType] ?? mediaType, digest, size };
    });
    const configDocument = this.#document(MEDIA.ociConfig, config);
    const { digest: id, bytes } = configDocument;
    const known = this.#state.read((transaction) => transaction.get("image", id));
    if (known && JSON.stringify(known.layers) === JSON.stringify(layers)) {
      await this.#images.ready(known);
      this.#state.write((transaction) => this.#record(transaction, wanted, known, []));
      return known;
    }
    const manifest = this.#document(MEDIA.ociManifest, {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      config: { mediaType: MEDIA.ociConfig, digest: id, size: bytes.length },
      layers,
    });
    for (const one of [configDocument, manifest]) await storeDocument(this.#content, one);
    const chains = chainIds(this.#core().fork(), config.rootfs.diff_ids);
    const stored = config.rootfs.diff_ids.map((diffId) => this.#layers.stored(diffId));
    const top = chains.at(-1);
    if (top !== undefined) await this.#images.prepareRoot(top, stored);
    const { passwd, group } = await readAccounts(this.#core().fork(), this.#files, stored);
    const image: ImageRecord = {
      ...{ id, manifestDigest: manifest.digest, manifestMediaType: MEDIA.ociManifest },
      ...{ config, layers, chainIds: chains, passwd, group },
      sizeBytes: stored.reduce((sum, layer) => sum + layer.tarBytes, 0),
      pulledMs: this.#clock.nowMs(),
    };
    this.#state.write((transaction) => {
      this.#record(transaction, wanted, image, [configDocument, manifest]);
    });
    return image;
  }

  #document(mediaType: string, content: object): Document {
    const bytes = encoder.encode(JSON.stringify(content));
    const hasher = this.#codec.hasher("sha256");
    hasher.update(bytes);
    return { digest: hasher.digest(), mediaType, bytes };
  }

  #record(
    transaction: Transaction,
    { reference, action }: NewImage,
    image: ImageRecord,
    documents: readonly Document[],
  ): void {
    for (const diffId of image.config.rootfs.diff_ids) {
      if (!transaction.get("layer", diffId)) throw goneMeanwhile(diffId);
    }
    for (const { digest, mediaType, bytes } of documents) {
      if (transaction.get("blob", digest)) continue;
      const fresh = { durable: false, bootId: this.#bootId, sizeBytes: bytes.length };
      transaction.put("blob", digest, { digest, mediaType, ...fresh });
    }
    transaction.put("image", image.id, image);
    const timeMs = this.#clock.nowMs();
    if (reference !== undefined) {
      const { id: imageId, manifestDigest: digest } = image;
      transaction.put("tag", reference, { reference, imageId, digest, updatedMs: timeMs });
    }
    const attributes = { name: reference ?? image.id };
    const event = transaction.append({
      ...{ timeMs, type: "image", action, subject: image.id, attributes },
    });
    this.#bus.emit({ type: "record", event });
  }
}
