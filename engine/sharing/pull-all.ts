// All that a name stands for: an image for each platform, and beside them what an index names
// besides, attestations and kinds that nobody here knows, which are kept as they are. So a push
// hands on the whole index, under its digest.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Descriptor } from "@nacre/core/oci/image.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import { parseReference, type Reference } from "@nacre/core/reference.ts";
import type { PulledImage, PullOptions } from "../engine.ts";
import { storeDocument } from "../images/documents.ts";
import type { ImageService } from "../images/images.ts";
import { normalizePlatform, platformText } from "../registry/platform.ts";
import type { Registry, Repository } from "../registry/registry.ts";
import { fetchBlob } from "./fetch-blob.ts";
import {
  isDocument,
  MAX_INDEX_DEPTH,
  type ManifestKeeper,
  readManifest,
} from "./manifest-keeper.ts";

export class PlatformPuller {
  readonly #core: () => Core;
  readonly #content: ContentStore;
  readonly #registry: Registry;
  readonly #images: ImageService;
  readonly #keeper: ManifestKeeper;

  constructor(
    core: () => Core,
    content: ContentStore,
    registry: Registry,
    images: ImageService,
    keeper: ManifestKeeper,
  ) {
    this.#core = core;
    this.#content = content;
    this.#registry = registry;
    this.#images = images;
    this.#keeper = keeper;
  }

  /** Pulls it all; a name of one image alone as any pull does. NacreError as for pulls. */
  async pull(text: string, { allPlatforms: _, ...options }: PullOptions): Promise<PulledImage> {
    const reference = parseReference(this.#core(), text, "docker");
    const repository = await this.#registry.open(reference, options);
    const top = await repository.document(reference.tagOrDigest);
    const index = readManifest(this.#core(), top.bytes, "", top.mediaType);
    if (index.manifests.length === 0) return this.#images.pull(text, options);
    return this.#images.storing(reference.toString(), async () => {
      const pulled: PulledImage[] = [];
      const others: Descriptor[] = [];
      for (const [platform, one] of byPlatform(index.manifests)) {
        const image = platform && (await this.#image(text, { ...options, platform }));
        if (image) pulled.push(sameIndex(image, top.digest, reference));
        else others.push(one);
      }
      for (const one of others) await this.#keep(repository, one, 1);
      await storeDocument(this.#content, { ...top, mediaType: index.mediaType });
      await this.#keeper.keep(top.bytes, index.mediaType, top.digest);
      const [first] = pulled;
      if (!first) throw noImage(reference);
      const { image } = this.#images.found(first.reference);
      return { ...first, image, changed: pulled.some(({ changed }) => changed) };
    });
  }

  /** Undefined for what has a platform and is no image that could run there. */
  async #image(text: string, options: PullOptions): Promise<PulledImage | undefined> {
    try {
      return await this.#images.pull(text, options);
    } catch (error) {
      if (error instanceof NacreError && error.kind === "unsupported") return undefined;
      throw error;
    }
  }

  /** As it is, with all that it names. */
  async #keep(repository: Repository, one: Descriptor, depth: number): Promise<void> {
    if (!isDocument(one)) return fetchBlob(this.#content, repository, one);
    if (depth > MAX_INDEX_DEPTH) throw tooDeep(one.digest);
    const { bytes, digest } = await repository.document(one.digest, `${one.mediaType}, */*`);
    const read = readManifest(this.#core(), bytes, "", one.mediaType);
    const { config, layers, manifests, mediaType } = read;
    for (const below of manifests) await this.#keep(repository, below, depth + 1);
    for (const blob of [...(config ? [config] : []), ...layers]) {
      if (!blob.urls) await fetchBlob(this.#content, repository, blob);
    }
    await this.#keeper.keep(bytes, mediaType, digest);
  }
}

/** Each platform once, with the first that is for it; the rest, which has none or one that was there, without. */
function byPlatform(all: readonly Descriptor[]): (readonly [string | undefined, Descriptor])[] {
  const seen = new Set<string>();
  return all.map((one) => {
    const { platform } = one;
    const text = platform && platformText(normalizePlatform(platform));
    if (text === undefined || platform?.os === "unknown" || seen.has(text)) return [undefined, one];
    seen.add(text);
    return [text, one];
  });
}

function sameIndex(pulled: PulledImage, digest: string, reference: Reference): PulledImage {
  if (pulled.digest === digest) return pulled;
  throw new NacreError("conflict", `${reference.familiar()} was changed while it was pulled`, {
    advice: "Pull it again.",
  });
}

const noImage = (reference: Reference): NacreError =>
  new NacreError("unsupported", `${reference.familiar()} names no image that could run`, {
    advice: "Other things are pulled as artifacts: nacre artifact pull.",
  });

const tooDeep = (digest: string): NacreError =>
  new NacreError("unsupported", `the index ${digest} stands within too many others`);
