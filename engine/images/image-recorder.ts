// The last step of every way by which an image comes, but for pulls: its layers are here, its root is
// made ready, and one transaction names it.

import type { Core } from "@nacre/core/core.ts";
import { chainIds } from "@nacre/core/digest.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Descriptor, ImageConfig } from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { EventBus } from "../event-bus.ts";
import { readAccounts } from "./accounts.ts";
import { type Document, storeDocument } from "./documents.ts";
import type { ImageService } from "./images.ts";
import type { LayerStore } from "./layer-store.ts";
import { putTag } from "./tag-platforms.ts";

export interface RecordedImage {
  readonly config: ImageConfig;
  readonly configDocument: Document;
  readonly manifest: Document;
  /** Bottom first. */
  readonly layers: readonly Descriptor[];
  /** What else the names stand for: an index. */
  readonly documents?: readonly Document[];
  /** Normalised, each with the digest that it stands for. */
  readonly references: readonly { readonly reference: string; readonly digest: string }[];
  /** As an event says it: `commit`, `import`, `load`. */
  readonly action: string;
  readonly bare?: boolean;
  /** Its names mean another image, of this machine's platform, where nobody says which. */
  readonly aside?: boolean;
}

export class ImageRecorder {
  readonly #core: () => Core;
  readonly #files: Files;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #clock: Clock;
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
    this.#bus = bus;
    this.#images = images;
    this.#layers = layers;
    this.#bootId = bootId;
  }

  /** NacreError `conflict` if a layer was removed meanwhile. */
  async record(wanted: RecordedImage): Promise<ImageRecord> {
    const { config, configDocument, manifest, layers, documents = [] } = wanted;
    const all = [configDocument, manifest, ...documents];
    for (const one of all) await storeDocument(this.#content, one);
    const chains = chainIds(this.#core().fork(), config.rootfs.diff_ids);
    const stored = this.#layers.allStored(config.rootfs.diff_ids);
    const top = chains.at(-1);
    if (top !== undefined) await this.#images.prepareRoot(top, stored);
    const { passwd, group } = await readAccounts(this.#core, this.#files, stored);
    const image: ImageRecord = {
      ...{ id: configDocument.digest, manifestDigest: manifest.digest },
      ...{ manifestMediaType: manifest.mediaType, config, layers, chainIds: chains, passwd, group },
      sizeBytes: stored.reduce((sum, layer) => sum + layer.tarBytes, 0),
      pulledMs: this.#clock.nowMs(),
      ...(wanted.bare && { bare: true }),
    };
    this.#state.write((transaction) => this.#put(transaction, wanted, image, all));
    return image;
  }

  /** An image that is here with these very layers, ready to run. */
  async known(id: string, layers: readonly Descriptor[]): Promise<ImageRecord | undefined> {
    const known = this.#state.read((transaction) => transaction.get("image", id));
    if (!known || JSON.stringify(known.layers) !== JSON.stringify(layers)) return undefined;
    await this.#images.ready(known);
    return known;
  }

  /** Names it once more, as what was made again. */
  again(known: ImageRecord, reference: string | undefined, action: string): void {
    const { manifestDigest: digest } = known;
    const references = reference === undefined ? [] : [{ reference, digest }];
    this.#state.write((transaction) => this.#put(transaction, { references, action }, known, []));
  }

  #put(
    transaction: Transaction,
    { references, action, aside = false }: Pick<RecordedImage, "references" | "action" | "aside">,
    image: ImageRecord,
    documents: readonly Document[],
  ): void {
    for (const diffId of new Set(image.config.rootfs.diff_ids)) {
      if (!transaction.get("layer", diffId)) throw goneMeanwhile(diffId);
    }
    for (const { digest, mediaType, bytes } of documents) {
      if (transaction.get("blob", digest)) continue;
      const fresh = { durable: false, bootId: this.#bootId, sizeBytes: bytes.length };
      transaction.put("blob", digest, { digest, mediaType, ...fresh });
    }
    transaction.put("image", image.id, image);
    const timeMs = this.#clock.nowMs();
    for (const { reference, digest } of references) {
      const { id: imageId } = image;
      putTag(transaction, { reference, imageId, digest, updatedMs: timeMs }, !aside);
    }
    const attributes = { name: references[0]?.reference ?? image.id };
    const event = transaction.append({
      ...{ timeMs, type: "image", action, subject: image.id, attributes },
    });
    this.#bus.emit({ type: "record", event });
  }
}

/** A layer that another image had too went with that one. NacreError `conflict`. */
export function goneMeanwhile(diffId: string): NacreError {
  return new NacreError(
    "conflict",
    `the layer ${diffId} was removed while an image was made of it`,
    {
      advice: "Try again.",
    },
  );
}
