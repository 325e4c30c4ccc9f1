// What a name stands for, as the blobs and manifests that another store needs of it. Documents are
// never written anew but where a layer is compressed anew: what is unknown in them stays.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { type Descriptor, type Index, MEDIA } from "@nacre/core/oci/image.ts";
import type { Codec, Compression } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import { storeDocument } from "../images/documents.ts";
import { type ParsedManifest, parseManifest } from "../registry/manifest.ts";
import { platformText } from "../registry/platform.ts";
import type { BlobSource } from "../registry/uploads.ts";
import { type CompressedLayers, compressionNamed, type MadeLayer } from "./compressed-layers.ts";
import { isDocument, MAX_INDEX_DEPTH, mayBeImage, readManifest } from "./manifest-keeper.ts";
import type { StoredBlobs } from "./stored-blobs.ts";

/** A manifest or an index. */
export interface Manifested {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** A blob that manifests name. */
export interface Part {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly isLayer: boolean;
  source(): BlobSource;
}

export interface Bundle {
  /** Each digest once; layers first. */
  readonly parts: readonly Part[];
  /** Each after what it names; the last one is `top`. */
  readonly manifests: readonly Manifested[];
  readonly top: Manifested;
  /** Whether `top` was made for this. */
  readonly made: boolean;
  /** The platform of `top`, where the name stands for an index and `top` is one of its images. */
  readonly partOf?: string;
  /** What `top`, an index, names and is not here. */
  readonly missing: readonly Descriptor[];
  /** To be called when it is not needed any more. */
  discard(): Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Bundles {
  readonly #core: () => Core;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #codec: Codec;
  readonly #blobs: StoredBlobs;
  readonly #layers: CompressedLayers;
  readonly #bootId: string;

  constructor(
    core: () => Core,
    content: ContentStore,
    state: StateStore,
    codec: Codec,
    blobs: StoredBlobs,
    layers: CompressedLayers,
    bootId: string,
  ) {
    this.#core = core;
    this.#content = content;
    this.#state = state;
    this.#codec = codec;
    this.#blobs = blobs;
    this.#layers = layers;
    this.#bootId = bootId;
  }

  /**
   * Of an image, under a name whose digest is `digest`. Of an index all that is here, if that is
   * more than this image; it is never one of images that are compressed anew.
   */
  async of(
    image: ImageRecord,
    digest: string,
    compression: Compression | "as it is" | undefined,
  ): Promise<Bundle> {
    const asItIs = compression === "as it is";
    const anew = compression !== undefined && !asItIs;
    const index = await this.#index(image, digest);
    const part = index ? { partOf: platformText(image.config) } : {};
    if (anew) return { ...(await this.#compressed(image, () => compression)), ...part };
    if (index) {
      const all = await this.#several(index);
      if (all) return all;
    }
    const plain = ({ mediaType }: Descriptor) => compressionNamed(mediaType) === "none";
    if (image.bare && !asItIs) {
      const gzip = (layer: Descriptor) => (plain(layer) ? ("gzip" as const) : undefined);
      return { ...(await this.#compressed(image, gzip)), ...part };
    }
    const own = await this.#tree(image.manifestDigest, image.manifestMediaType, 0);
    if (own) return { ...this.#bundle(own), ...part };
    throw new NacreError("not-found", `blobs of the image ${image.id} are not on this machine`, {
      advice: "Pull it again, or push its layers compressed anew: --compression gzip.",
    });
  }

  /** Of any manifest that is here with all that it names; undefined if something is missing. */
  async closed(digest: string, mediaType: string): Promise<Bundle | undefined> {
    const all = this.#blobs.has(digest) ? await this.#tree(digest, mediaType, 0) : undefined;
    return all && this.#bundle(all);
  }

  /** Stores a manifest that was made, for a name that will have its digest. */
  async keep(one: Manifested): Promise<void> {
    await storeDocument(this.#content, one);
    this.#state.write((t) => {
      if (t.get("blob", one.digest)) return;
      const { digest, mediaType, bytes } = one;
      const fresh = { durable: false, bootId: this.#bootId, sizeBytes: bytes.length };
      t.put("blob", digest, { digest, mediaType, ...fresh });
    });
  }

  async parsed(
    digest: string,
    mediaType: string,
  ): Promise<Manifested & { readonly parsed: ParsedManifest }> {
    return this.read({ digest, mediaType, bytes: await this.#blobs.document(digest) });
  }

  async read(one: Manifested): Promise<Manifested & { readonly parsed: ParsedManifest }> {
    const parsed = parseManifest(this.#core(), one.bytes, one.mediaType, one.digest);
    return { ...one, mediaType: parsed.mediaType, parsed };
  }

  /** The index that a name stands for, if it does. */
  async #index({ manifestDigest }: ImageRecord, digest: string): Promise<ReadIndex | undefined> {
    if (digest === manifestDigest || !this.#blobs.has(digest)) return undefined;
    const { mediaType, parsed } = await this.parsed(digest, MEDIA.ociIndex);
    return parsed.kind === "index" ? { digest, mediaType, index: parsed.index } : undefined;
  }

  /** An index with all that it names, or with what is here, if that is more than one image. */
  async #several({ digest, mediaType, index }: ReadIndex): Promise<Bundle | undefined> {
    const missing: Descriptor[] = [];
    const found = await this.#tree(digest, mediaType, 0, missing);
    if (!found) return undefined;
    const here = new Set(found.manifests.map((one) => one.digest));
    const images = index.manifests.filter((one) => mayBeImage(one) && here.has(one.digest));
    if (missing.length > 0 && images.length < 2) return undefined;
    return { ...this.#bundle(found), missing };
  }

  #bundle({ parts, manifests }: Closure): Bundle {
    const top = manifests.at(-1) as Manifested;
    const ordered = [...parts.values()].sort((a, b) => Number(b.isLayer) - Number(a.isLayer));
    return { parts: ordered, manifests, top, made: false, missing: [], discard: async () => {} };
  }

  /** A manifest with all below it; undefined if not all is here, unless `missing` takes what an index lacks. */
  async #tree(
    digest: string,
    mediaType: string,
    depth: number,
    missing?: Descriptor[],
  ): Promise<Closure | undefined> {
    if (!this.#blobs.has(digest) || depth > MAX_INDEX_DEPTH) return undefined;
    const bytes = await this.#blobs.document(digest);
    const read = readManifest(this.#core(), bytes, "", mediaType);
    const own = { digest, mediaType: read.mediaType, bytes };
    if (read.manifests.length === 0) {
      const { config, layers } = read;
      const parts = new Map<string, Part>();
      for (const [descriptor, isLayer] of [
        ...layers.map((layer) => [layer, true] as const),
        ...(config ? [[config, false] as const] : []),
      ]) {
        if (isForeign(descriptor) && !this.#blobs.has(descriptor.digest)) continue;
        if (!this.#blobs.has(descriptor.digest)) return undefined;
        parts.set(descriptor.digest, this.#part(descriptor, isLayer));
      }
      return { parts, manifests: [own] };
    }
    const below = new Map<string, Part>();
    const manifests = new Map<string, Manifested>();
    for (const child of read.manifests) {
      const tree = await this.#below(child, depth + 1, missing);
      if (!tree && !missing) return undefined;
      if (!tree) {
        missing?.push(child);
        continue;
      }
      for (const [key, part] of tree.parts) below.set(key, part);
      for (const one of tree.manifests) manifests.set(one.digest, one);
    }
    return { parts: below, manifests: [...manifests.values(), own] };
  }

  async #below(
    child: Descriptor,
    depth: number,
    missing: Descriptor[] | undefined,
  ): Promise<Closure | undefined> {
    if (isDocument(child)) return this.#tree(child.digest, child.mediaType, depth, missing);
    if (!this.#blobs.has(child.digest)) return undefined;
    return { parts: new Map([[child.digest, this.#part(child, false)]]), manifests: [] };
  }

  #part(descriptor: Descriptor, isLayer: boolean): Part {
    const { digest, size: sizeBytes } = descriptor;
    return { digest, sizeBytes, isLayer, source: () => this.#blobs.source(descriptor) };
  }

  // -- compressed anew --------------------------------------------------------------------------

  /** `wanted` says how a layer is to be compressed; undefined leaves it as it is. */
  async #compressed(
    image: ImageRecord,
    wanted: (layer: Descriptor) => Compression | undefined,
  ): Promise<Bundle> {
    const made: MadeLayer[] = [];
    const discard = async () => {
      for (const one of made) await one.discard();
    };
    try {
      const parts = new Map<string, Part>();
      const layers: Descriptor[] = [];
      for (const [at, layer] of image.layers.entries()) {
        const how = wanted(layer);
        const descriptor = await this.#layer(image, at, layer, how, made, parts);
        layers.push(descriptor);
      }
      const config = await this.#blobs.document(image.id);
      const id = { digest: image.id, size: config.length };
      parts.set(image.id, this.#part({ ...id, mediaType: MEDIA.ociConfig }, false));
      const top = await this.#manifest(image, layers, config.length);
      return { ...this.#bundle({ parts, manifests: [top] }), made: true, discard };
    } catch (error) {
      await discard();
      throw error;
    }
  }

  async #layer(
    image: ImageRecord,
    at: number,
    layer: Descriptor,
    wanted: Compression | undefined,
    made: MadeLayer[],
    parts: Map<string, Part>,
  ): Promise<Descriptor> {
    // As it is where it has that already.
    const how = wanted ?? compressionNamed(layer.mediaType) ?? "gzip";
    if (compressionNamed(layer.mediaType) === how && this.#blobs.has(layer.digest)) {
      parts.set(layer.digest, this.#part(layer, true));
      const { mediaType, digest, size } = layer;
      return {
        mediaType: mediaType === MEDIA.dockerLayer ? MEDIA.ociLayerGzip : mediaType,
        digest,
        size,
      };
    }
    const diffId = image.config.rootfs.diff_ids[at] as string;
    const record = this.#state.read((t) => t.get("layer", diffId));
    const one = await this.#layers.make(diffId, record?.tarBytes ?? -1, how);
    made.push(one);
    const { digest, size: sizeBytes } = one.descriptor;
    parts.set(digest, { digest, sizeBytes, isLayer: true, source: () => one.source });
    return one.descriptor;
  }

  /** The image's own, with other layers; as OCI has it, for docker's schema has no zstd. */
  async #manifest(
    image: ImageRecord,
    layers: readonly Descriptor[],
    configBytes: number,
  ): Promise<Manifested> {
    const own = await this.#blobs.document(image.manifestDigest);
    const document = {
      ...(JSON.parse(decoder.decode(own)) as object),
      mediaType: MEDIA.ociManifest,
      config: { mediaType: MEDIA.ociConfig, digest: image.id, size: configBytes },
      layers,
    };
    const bytes = encoder.encode(JSON.stringify(document));
    const hasher = this.#codec.hasher("sha256");
    hasher.update(bytes);
    return { digest: hasher.digest(), mediaType: MEDIA.ociManifest, bytes };
  }
}

interface ReadIndex {
  readonly digest: string;
  readonly mediaType: string;
  readonly index: Index;
}

interface Closure {
  readonly parts: ReadonlyMap<string, Part>;
  readonly manifests: readonly Manifested[];
}

/** What may only be had where its maker offers it. */
const isForeign = ({ urls, mediaType }: Descriptor): boolean =>
  urls !== undefined && /nondistributable|foreign/.test(mediaType);
