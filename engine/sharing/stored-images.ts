// Names for manifests whose blobs are all here: an image that runs, where one can be made of it for
// this machine, else an artifact, which is kept and handed on.

import type { Core } from "@nacre/core/core.ts";
import {
  type Descriptor,
  type ImageConfig,
  MANIFEST_LIMIT_BYTES,
  type Platform,
} from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { ImageRecord, ManifestRecord } from "@nacre/core/state/records.ts";
import type { Document } from "../images/documents.ts";
import type { ImageRecorder } from "../images/image-recorder.ts";
import type { LayerStore } from "../images/layer-store.ts";
import { isImageConfig, parseConfig, parseManifest } from "../registry/manifest.ts";
import { choosePlatform } from "../registry/platform.ts";
import { compressionNamed } from "./compressed-layers.ts";
import { unpackStored } from "./unpack-stored.ts";

/** What an image for this machine is made of. */
interface Runnable {
  readonly config: ImageConfig;
  readonly configDocument: Document;
  readonly manifest: Document;
  readonly layers: readonly Descriptor[];
}

export class StoredImages {
  readonly #core: () => Core;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #layers: LayerStore;
  readonly #recorder: ImageRecorder;

  constructor(
    core: () => Core,
    content: ContentStore,
    state: StateStore,
    clock: Clock,
    layers: LayerStore,
    recorder: ImageRecorder,
  ) {
    this.#core = core;
    this.#content = content;
    this.#state = state;
    this.#clock = clock;
    this.#layers = layers;
    this.#recorder = recorder;
  }

  /** Whether an image was made of it. */
  async name(
    reference: string,
    record: ManifestRecord,
    bytes: Uint8Array,
    platform: Platform,
  ): Promise<boolean> {
    const { digest, mediaType } = record;
    const top = { digest, mediaType, bytes };
    const runnable = await this.#runnable(top, platform);
    if (!runnable) {
      const updatedMs = this.#clock.nowMs();
      this.#state.write((t) => {
        t.delete("tag", reference);
        t.put("artifact", reference, { reference, digest, updatedMs });
      });
      return false;
    }
    await this.#unpack(runnable);
    await this.#recorder.record({
      ...runnable,
      documents: [top],
      references: [{ reference, digest }],
      action: "load",
    });
    this.#state.write((t) => t.delete("artifact", reference));
    return true;
  }

  /** An image of a manifest that is here, without a name; undefined where it is none, or not whole. */
  async image(manifest: Descriptor): Promise<ImageRecord | undefined> {
    if (!this.#content.has(manifest.digest)) return undefined;
    const runnable = await this.#runnable(await this.#document(manifest));
    if (!runnable) return undefined;
    await this.#unpack(runnable);
    return this.#recorder.record({ ...runnable, references: [], action: "load" });
  }

  async #unpack({ config, layers }: Runnable): Promise<void> {
    for (const [at, descriptor] of layers.entries()) {
      const diffId = config.rootfs.diff_ids[at] as string;
      if (await this.#layers.intact(diffId)) continue;
      await unpackStored(this.#layers, descriptor, diffId);
    }
  }

  /** Undefined for what is no image of this machine's platform. */
  async #runnable(top: Document, platform?: Platform): Promise<Runnable | undefined> {
    const parsed = parseManifest(this.#core(), top.bytes, top.mediaType, top.digest);
    if (parsed.kind === "index") {
      const here = parsed.index.manifests.filter(({ digest }) => this.#content.has(digest));
      const chosen = platform && choosePlatform(here, platform);
      return chosen ? this.#runnable(await this.#document(chosen), platform) : undefined;
    }
    const { config: descriptor, layers } = parsed.manifest;
    const isImage =
      isImageConfig(descriptor) &&
      layers.every(({ mediaType }) => compressionNamed(mediaType) !== undefined);
    if (!isImage || !this.#content.has(descriptor.digest)) return undefined;
    if (!layers.every(({ digest }) => this.#content.has(digest))) return undefined;
    const configDocument = await this.#document(descriptor);
    const config = parseConfig(this.#core(), configDocument.bytes, layers, top.digest);
    return { config, configDocument, manifest: top, layers };
  }

  async #document({ digest, mediaType }: Descriptor): Promise<Document> {
    return { digest, mediaType, bytes: await this.#content.read(digest, MANIFEST_LIMIT_BYTES) };
  }
}
