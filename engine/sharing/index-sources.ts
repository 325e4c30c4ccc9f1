// What a person adds to an index: an image that is here, with blobs that others can be given, or one
// of a registry, of which only the description is fetched.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { type Descriptor, MANIFEST_LIMIT_BYTES, type Platform } from "@nacre/core/oci/image.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import { parseReference, type Reference } from "@nacre/core/reference.ts";
import type { IndexEntry } from "@nacre/core/state/records.ts";
import { type FoundImage, findImage } from "../images/image-lookup.ts";
import { platformOf } from "../images/tag-platforms.ts";
import type { AddToIndexOptions } from "../index-interface.ts";
import { isImageConfig } from "../registry/manifest.ts";
import { choosePlatform, offeredPlatforms, platformText } from "../registry/platform.ts";
import type { Registry, Repository } from "../registry/registry.ts";
import type { RegistryReach } from "../sharing-interface.ts";
import type { Bundle, Bundles } from "./bundles.ts";
import { type ManifestKeeper, type ReadManifest, readManifest } from "./manifest-keeper.ts";

/** What the two transports that podman knows here are called. */
const REMOTE = "docker://";
const LOCAL = "containers-storage:";

export class IndexSources {
  readonly #core: () => Core;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #registry: Registry;
  readonly #keeper: ManifestKeeper;
  readonly #bundles: Bundles;
  readonly #platform: Platform;

  constructor(
    core: () => Core,
    content: ContentStore,
    state: StateStore,
    registry: Registry,
    keeper: ManifestKeeper,
    bundles: Bundles,
    platform: Platform,
  ) {
    this.#core = core;
    this.#content = content;
    this.#state = state;
    this.#registry = registry;
    this.#keeper = keeper;
    this.#bundles = bundles;
    this.#platform = platform;
  }

  /** To be called while nobody takes what no image names for rubbish. */
  async entries(text: string, options: AddToIndexOptions): Promise<IndexEntry[]> {
    const found = text.startsWith(REMOTE) ? undefined : this.#local(text);
    if (found) return this.#here(found, options);
    return this.#remote(text, options);
  }

  #local(text: string): FoundImage | undefined {
    const name = text.startsWith(LOCAL) ? text.slice(LOCAL.length) : text;
    try {
      return this.#state.read((t) => findImage(this.#core, t, name));
    } catch (error) {
      const absent = error instanceof NacreError && error.kind === "not-found";
      if (!absent || text.startsWith(LOCAL)) throw error;
      return undefined;
    }
  }

  // -- here -------------------------------------------------------------------------------------

  async #here(found: FoundImage, { all, platform }: AddToIndexOptions): Promise<IndexEntry[]> {
    const tag = found.tag ?? found.among;
    if (all && tag && tag.digest !== found.image.manifestDigest) return this.#index(tag);
    const named =
      tag && platform?.architecture !== undefined ? platformText(this.#asked(platform)) : undefined;
    const { image } = named
      ? this.#state.read((t) => findImage(this.#core, t, tag!.reference, { platform: named }))
      : found;
    const bundle = await this.#bundles.of(image, image.manifestDigest, undefined);
    try {
      await this.#store(bundle);
    } finally {
      await bundle.discard();
    }
    const { digest, mediaType, bytes } = bundle.top;
    const version = image.config as { readonly "os.version"?: string };
    const own = {
      ...platformOf(image),
      ...(version["os.version"] !== undefined && { "os.version": version["os.version"] }),
    };
    return [{ mediaType, digest, size: bytes.length, platform: own }];
  }

  /** With layers that were compressed for this, and a record that keeps it all. */
  async #store(bundle: Bundle): Promise<void> {
    for (const part of bundle.parts) {
      if (this.#content.has(part.digest)) continue;
      const blob = await this.#content.writer(part.digest, part.sizeBytes);
      try {
        const left = part.sizeBytes - blob.offset;
        for await (const chunk of part.source().read(blob.offset, left)) await blob.write(chunk);
      } catch (error) {
        await blob.discard();
        throw error;
      }
      await blob.commit();
    }
    for (const one of bundle.manifests) {
      await this.#keeper.keep(one.bytes, one.mediaType, one.digest);
    }
  }

  /** All that an index names which a tag leads to; what of it is not here stays where the tag is from. */
  async #index({
    reference,
    digest,
  }: {
    reference: string;
    digest: string;
  }): Promise<IndexEntry[]> {
    const bytes = await this.#content.read(digest, MANIFEST_LIMIT_BYTES);
    const read = readManifest(this.#core(), bytes, "");
    const { name } = parseReference(this.#core(), reference, "normalized");
    const entries: IndexEntry[] = [];
    for (const one of read.manifests) {
      const bundle = await this.#bundles.closed(one.digest, one.mediaType);
      if (bundle) await this.#store(bundle);
      entries.push({ ...plain(one), ...(!bundle && { source: name }) });
    }
    return entries;
  }

  // -- in a registry ----------------------------------------------------------------------------

  async #remote(text: string, options: AddToIndexOptions): Promise<IndexEntry[]> {
    const { reference, repository } = await this.open(text, options);
    const top = await repository.document(reference.tagOrDigest);
    const read = readManifest(this.#core(), top.bytes, "", top.mediaType);
    const source = reference.name;
    if (read.manifests.length > 0) {
      return this.#chosen(read, reference, options).map((one) => ({ ...plain(one), source }));
    }
    const platform = await this.#platformOf(repository, read);
    const { digest, bytes } = top;
    const own = { mediaType: read.mediaType, digest, size: bytes.length };
    const { artifactType } = platform ? {} : read;
    return [
      {
        ...{ ...own, source, ...(platform && { platform }) },
        ...(artifactType !== undefined && { artifactType }),
      },
    ];
  }

  #chosen(
    { manifests }: ReadManifest,
    reference: Reference,
    { all, platform }: AddToIndexOptions,
  ): readonly Descriptor[] {
    if (all) return manifests;
    const wanted = this.#asked(platform);
    const chosen = choosePlatform(manifests, wanted);
    if (chosen) return [chosen];
    throw new NacreError(
      "not-found",
      `${reference.familiar()} has nothing for ${platformText(wanted)}`,
      { advice: `It is there for ${offeredPlatforms(manifests)}; --all adds all of them.` },
    );
  }

  #asked(platform: Partial<Platform> = {}): Platform {
    const { os = this.#platform.os, architecture, variant } = platform;
    if (architecture === undefined && platform.os === undefined) return this.#platform;
    return {
      ...{ os, architecture: architecture ?? this.#platform.architecture },
      ...(variant !== undefined && { variant }),
    };
  }

  /** Undefined for what is no image. */
  async #platformOf(
    repository: Repository,
    { config }: ReadManifest,
  ): Promise<Platform | undefined> {
    if (!config || !isImageConfig(config)) return undefined;
    const bytes = await repository.smallBlob(config, MANIFEST_LIMIT_BYTES);
    const document = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const texts = ["os", "architecture", "variant", "os.version"].flatMap((key) => {
      const value = document[key];
      return typeof value === "string" && value !== "" ? [[key, value] as const] : [];
    });
    return Object.fromEntries(texts) as unknown as Platform;
  }

  /** What a registry has under a name, as it is. */
  async open(
    text: string,
    reach: RegistryReach,
  ): Promise<{ readonly reference: Reference; readonly repository: Repository }> {
    const name = text.startsWith(REMOTE) ? text.slice(REMOTE.length) : text;
    const reference = parseReference(this.#core(), name, "docker");
    return { reference, repository: await this.#registry.open(reference, reach) };
  }
}

/** What an index may say of one. */
function plain(one: Descriptor): IndexEntry {
  const { mediaType, digest, size, platform, annotations, artifactType } = one;
  return {
    ...{ mediaType, digest, size },
    ...(platform && { platform }),
    ...(annotations && { annotations }),
    ...(artifactType !== undefined && { artifactType }),
  };
}
