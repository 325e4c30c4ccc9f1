// Images from an archive: an OCI layout in a tar, docker's own form, or both at once, as docker,
// podman, skopeo and save write them.
//
//   index.json     OCI: descriptors with names in their annotations
//   manifest.json  docker: config, names and layers of each image, by paths
//
// Where both are there OCI's is believed, for its manifests keep the image's digest; docker's
// gives names that the other has not.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import {
  type Descriptor,
  type ImageConfig,
  type Index,
  type Manifest,
  MEDIA,
  type Platform,
} from "@nacre/core/oci/image.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { EventBus } from "../event-bus.ts";
import { type Document, storeDocument } from "../images/documents.ts";
import { newTag } from "../images/image-lookup.ts";
import type { ImageRecorder, RecordedImage } from "../images/image-recorder.ts";
import type { ImageService } from "../images/images.ts";
import { imageFor, platformOf } from "../images/tag-platforms.ts";
import { parseConfig, parseManifest } from "../registry/manifest.ts";
import { parsePlatform, platformText } from "../registry/platform.ts";
import type { ImageMaker } from "../roots/new-image.ts";
import type { LoadedImage, LoadOptions } from "../sharing-interface.ts";
import { ArchiveContents } from "./archive-contents.ts";
import { type ArchivedImage, dockerImages, layoutEntries, namesOf } from "./archive-documents.ts";
import type { LayerIntake, TakenLayer } from "./layer-intake.ts";
import { isDocument, type ManifestKeeper, mayBeImage, readManifest } from "./manifest-keeper.ts";

export interface LoadPorts {
  readonly codec: Codec;
  readonly content: ContentStore;
  readonly keeper: ManifestKeeper;
  readonly state: StateStore;
  readonly bus: EventBus;
}

/** An image as an archive has it. */
interface Found extends Omit<RecordedImage, "action" | "references"> {
  readonly names: readonly string[];
  /** What the names stand for: an index's digest, or the manifest's. */
  readonly digest: string;
  /** Of what else its index names, blobs before what names them. */
  readonly carried?: readonly Document[];
}

export class Loader {
  readonly #core: () => Core;
  readonly #ports: LoadPorts;
  readonly #images: ImageService;
  readonly #intake: LayerIntake;
  readonly #recorder: ImageRecorder;
  readonly #maker: ImageMaker;
  readonly #platform: Platform;

  constructor(
    core: () => Core,
    ports: LoadPorts,
    images: ImageService,
    intake: LayerIntake,
    recorder: ImageRecorder,
    maker: ImageMaker,
    platform: Platform,
  ) {
    this.#core = core;
    this.#ports = ports;
    this.#images = images;
    this.#intake = intake;
    this.#recorder = recorder;
    this.#maker = maker;
    this.#platform = platform;
  }

  load(source: AsyncIterable<Uint8Array>, options: LoadOptions): Promise<LoadedImage[]> {
    return this.#images.storing("load", async (intent) => {
      const contents = new ArchiveContents();
      try {
        const { codec } = this.#ports;
        await contents.read(stoppable(source, options.signal), codec, this.#intake, () => {});
        const found = this.#wanted(this.#found(contents), options.platform);
        const loaded: LoadedImage[] = [];
        for (const one of found) loaded.push(await this.#record(one));
        for (const one of found) await this.#carry(one);
        return loaded;
      } finally {
        // Layers of other platforms, and of what did not come about.
        await this.#images.forgetUnneeded(candidatesOf(contents.taken), intent);
      }
    });
  }

  #wanted(found: readonly Found[], platform: string | undefined): readonly Found[] {
    if (platform === undefined) return found;
    const wanted = parsePlatform(platform);
    const right = found.filter((one) => imageFor([record(one)], wanted) !== undefined);
    if (right.length > 0) return right.map((one) => ({ ...one, aside: false }));
    const here = found.map((one) => platformText(platformOf(record(one)))).join(", ");
    throw new NacreError("not-found", `the archive has no image for ${platform}`, {
      advice: `It has images for ${here}.`,
    });
  }

  /** What an index names beside its images, and the index, if all that it names is here. */
  async #carry({ documents: [index] = [], carried = [] }: Found): Promise<void> {
    if (!index) return;
    const { keeper, content } = this.#ports;
    const coming = new Set(carried.map(({ digest }) => digest));
    const { manifests } = keeper.read(index.bytes, index.mediaType);
    if (!manifests.every(({ digest }) => coming.has(digest) || content.has(digest))) return;
    for (const one of carried) {
      if (isDocument(one)) await keeper.keep(one.bytes, one.mediaType, one.digest);
      else await storeDocument(content, one);
    }
    await keeper.keep(index.bytes, index.mediaType, index.digest);
  }

  async #record({ names, digest, carried: _, ...found }: Found): Promise<LoadedImage> {
    const references = names.map((reference) => ({ reference, digest }));
    const id = found.configDocument.digest;
    const known = this.#ports.state.read((t) => t.get("image", id));
    // One that is here keeps its manifest, by which it was pulled or pushed.
    const keeps = known !== undefined && found.bare === true;
    const wanted = keeps ? await this.#asKnown(found, known) : found;
    const tagged = keeps
      ? names.map((reference) => ({ reference, digest: known.manifestDigest }))
      : references;
    await this.#recorder.record({ ...wanted, references: tagged, action: "load" });
    return { id, references: names, platform: platformText(platformOf(found)) };
  }

  async #asKnown(
    found: Omit<Found, "names" | "digest" | "carried">,
    { manifestDigest, manifestMediaType, layers, bare }: ImageRecord,
  ): Promise<Omit<RecordedImage, "action" | "references">> {
    const bytes = await this.#images.document(manifestDigest);
    const manifest = { digest: manifestDigest, mediaType: manifestMediaType, bytes };
    return { ...found, manifest, layers, bare: bare === true };
  }

  // -- what the documents say -------------------------------------------------------------------

  #found(contents: ArchiveContents): Found[] {
    const docker = dockerImages(contents);
    const entries = layoutEntries(contents);
    const found = entries.flatMap((entry) => this.#ofLayout(contents, entry, docker));
    if (found.length === 0) found.push(...docker.map((one) => this.#ofDocker(contents, one)));
    if (found.length > 0) return merged(found);
    const none = docker.length + entries.length === 0;
    const reason = none
      ? "this is not an image archive: it has neither index.json nor manifest.json"
      : "the archive holds no whole image";
    throw new NacreError("corrupt", reason, {
      advice: "It should come from save, from podman save, or from skopeo.",
    });
  }

  /** The images of an entry that are all here, this machine's first; none for what is no image. */
  #ofLayout(
    contents: ArchiveContents,
    entry: Descriptor,
    docker: readonly ArchivedImage[],
  ): Found[] {
    const { codec } = this.#ports;
    const top = contents.document(entry.digest, entry.mediaType, codec);
    if (!top) return [];
    const parsed = parseManifest(this.#core(), top.bytes, top.mediaType, entry.digest);
    const named = { ...top, mediaType: parsed.mediaType };
    if (parsed.kind === "manifest") {
      const found = this.#image(contents, named, parsed.manifest);
      return found ? [this.#named(found, entry, named, docker)] : [];
    }
    const images = parsed.index.manifests.flatMap((one) => {
      const document = contents.document(one.digest, one.mediaType, codec);
      if (!document || !mayBeImage(one)) return [];
      const own = parseManifest(this.#core(), document.bytes, one.mediaType, one.digest);
      if (own.kind !== "manifest") return [];
      return this.#image(contents, document, own.manifest) ?? [];
    });
    const first = firstOf(images, this.#platform);
    const carried = this.#carried(contents, parsed.index);
    return images
      .toSorted((a, b) => Number(b === first) - Number(a === first))
      .map((found) => ({
        ...this.#named(found, entry, named, docker),
        ...{ documents: [named], aside: found !== first, carried },
      }));
  }

  /** Undefined for what is no image, or not all here. */
  #image(
    contents: ArchiveContents,
    document: Document,
    manifest: Manifest,
  ): Omit<Found, "names" | "digest"> | undefined {
    const { codec } = this.#ports;
    const { config: named } = manifest;
    const configDocument = contents.document(named.digest, named.mediaType, codec);
    if (!configDocument) return undefined;
    const layers = manifest.layers.map((layer) => {
      return contents.layer(`blobs/${layer.digest.replace(":", "/")}`);
    });
    if (layers.some((layer) => layer === undefined)) return undefined;
    const config = this.#config(configDocument, manifest.layers, document.digest);
    this.#match(config, layers as TakenLayer[]);
    return { config, configDocument, manifest: document, layers: manifest.layers };
  }

  #named(
    found: Omit<Found, "names" | "digest">,
    entry: Descriptor,
    top: Document,
    docker: readonly ArchivedImage[],
  ): Found {
    const ofDocker = docker.find((one) => one.config.endsWith(hexOf(found.configDocument.digest)));
    const names = this.#names([...namesOf(entry), ...(ofDocker?.names ?? [])]);
    return { ...found, names, digest: top.digest };
  }

  /** What an index names beside images, attestations for one: kept as it is, with the index, where all of it is here. */
  #carried(contents: ArchiveContents, index: Index): readonly Document[] {
    const { codec } = this.#ports;
    return index.manifests.flatMap((one) => {
      const document = mayBeImage(one)
        ? undefined
        : contents.document(one.digest, one.mediaType, codec);
      if (!document) return [];
      if (!isDocument(one)) return [document];
      const { config, layers } = readManifest(this.#core(), document.bytes, "", one.mediaType);
      const blobs = [...layers, ...(config ? [config] : [])].flatMap(
        (blob) => contents.document(blob.digest, blob.mediaType, codec) ?? [],
      );
      return [...blobs, document];
    });
  }

  #ofDocker(contents: ArchiveContents, image: ArchivedImage): Found {
    const bytes = contents.file(image.config);
    if (!bytes) throw lacking(image.config);
    const layers = image.layers.map((path) => {
      const layer = contents.layer(path);
      if (!layer) throw lacking(path);
      return layer;
    });
    const hasher = this.#ports.codec.hasher("sha256");
    hasher.update(bytes);
    const configDocument = { digest: hasher.digest(), mediaType: MEDIA.ociConfig, bytes };
    const descriptors = layers.map((layer) => layer.descriptor);
    const config = this.#config(configDocument, descriptors, image.config);
    this.#match(config, layers);
    const made = this.#maker.manifest(configDocument, descriptors);
    return {
      ...{ config, configDocument, manifest: made.manifest, layers: made.layers },
      ...{ digest: made.manifest.digest, names: this.#names(image.names), bare: true },
    };
  }

  #config({ bytes }: Document, layers: readonly Descriptor[], what: string): ImageConfig {
    return parseConfig(this.#core(), bytes, layers, what);
  }

  #match(config: ImageConfig, layers: readonly TakenLayer[]): void {
    for (const [at, diffId] of config.rootfs.diff_ids.entries()) {
      const found = layers[at]?.diffId;
      if (found === diffId) continue;
      throw new NacreError(
        "corrupt",
        `the archive's layer ${at + 1} is ${found}, but the image's config says ${diffId}`,
        { advice: "The archive is damaged: make or fetch it again." },
      );
    }
  }

  /** Names that are some; an archive's maker need not have kept to docker's grammar. */
  #names(texts: readonly string[]): string[] {
    const names = texts.flatMap((text) => {
      try {
        return [newTag(this.#core(), text)];
      } catch (error) {
        if (!(error instanceof NacreError && error.kind === "invalid")) throw error;
        return [];
      }
    });
    return [...new Set(names)];
  }
}

/** An image once, with all names that an archive gives it. */
function merged(found: readonly Found[]): Found[] {
  const all = new Map<string, Found>();
  for (const one of found) {
    const key = `${one.configDocument.digest} ${one.digest}`;
    const names = [...(all.get(key)?.names ?? []), ...one.names];
    all.set(key, { ...one, names: [...new Set(names)] });
  }
  return [...all.values()];
}

async function* stoppable(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    if (signal?.aborted) throw new NacreError("interrupted", "interrupted while loading");
    yield chunk;
  }
}

const candidatesOf = (taken: readonly TakenLayer[]) => ({
  blobs: taken.map(({ descriptor }) => descriptor.digest),
  diffIds: taken.map(({ diffId }) => diffId),
});

/** What choosing by platform looks at. */
const record = ({ configDocument, config }: Pick<Found, "configDocument" | "config">) =>
  ({ id: configDocument.digest, config }) as ImageRecord;

/** The one that is meant where nobody says which. */
function firstOf<T extends Pick<Found, "configDocument" | "config">>(
  images: readonly T[],
  platform: Platform,
): T | undefined {
  const best = imageFor(images.map(record), platform);
  return images.find((one) => one.configDocument.digest === best?.id) ?? images[0];
}

const hexOf = (digest: string): string => digest.slice(digest.indexOf(":") + 1);

function lacking(path: string): NacreError {
  return new NacreError("corrupt", `the archive lacks ${JSON.stringify(path)}, which it names`, {
    advice: "It is cut or damaged: make or fetch it again.",
  });
}
