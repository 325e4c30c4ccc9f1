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
import { type Descriptor, type ImageConfig, MEDIA, type Platform } from "@nacre/core/oci/image.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { EventBus } from "../event-bus.ts";
import type { Document } from "../images/documents.ts";
import { newTag } from "../images/image-lookup.ts";
import type { ImageRecorder, RecordedImage } from "../images/image-recorder.ts";
import type { ImageService } from "../images/images.ts";
import { parseConfig, parseManifest } from "../registry/manifest.ts";
import { choosePlatform } from "../registry/platform.ts";
import type { ImageMaker } from "../roots/new-image.ts";
import type { LoadedImage, LoadOptions } from "../sharing-interface.ts";
import { ArchiveContents } from "./archive-contents.ts";
import { type ArchivedImage, dockerImages, layoutEntries, namesOf } from "./archive-documents.ts";
import type { LayerIntake, TakenLayer } from "./layer-intake.ts";

export interface LoadPorts {
  readonly codec: Codec;
  readonly state: StateStore;
  readonly bus: EventBus;
}

/** An image as an archive has it. */
interface Found extends Omit<RecordedImage, "action" | "references"> {
  readonly names: readonly string[];
  /** What the names stand for: an index's digest, or the manifest's. */
  readonly digest: string;
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
        const found = this.#found(contents);
        const loaded: LoadedImage[] = [];
        for (const one of found) loaded.push(await this.#record(one));
        return loaded;
      } finally {
        // Layers of other platforms, and of what did not come about.
        await this.#images.forgetUnneeded(candidatesOf(contents.taken), intent);
      }
    });
  }

  async #record({ names, digest, ...found }: Found): Promise<LoadedImage> {
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
    return { id, references: names };
  }

  async #asKnown(
    found: Omit<Found, "names" | "digest">,
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
    const found = entries.flatMap((entry) => this.#ofLayout(contents, entry, docker) ?? []);
    if (found.length === 0) found.push(...docker.map((one) => this.#ofDocker(contents, one)));
    if (found.length > 0) return merged(found);
    throw new NacreError("corrupt", "the archive holds no image for this machine", {
      advice: "It should come from save, from podman save, or from skopeo.",
    });
  }

  /** Undefined for what is no image, or not all here. */
  #ofLayout(
    contents: ArchiveContents,
    entry: Descriptor,
    docker: readonly ArchivedImage[],
  ): Found | undefined {
    const { codec } = this.#ports;
    const top = contents.document(entry.digest, entry.mediaType, codec);
    if (!top) return undefined;
    const manifest = this.#manifestOf(contents, top);
    if (!manifest) return undefined;
    const { parsed, document } = manifest;
    const configDocument = contents.document(parsed.config.digest, parsed.config.mediaType, codec);
    if (!configDocument) return undefined;
    const config = this.#config(configDocument, parsed.layers, entry.digest);
    const layers = parsed.layers.map((layer) => {
      return contents.layer(`blobs/${layer.digest.replace(":", "/")}`);
    });
    if (layers.some((layer) => layer === undefined)) return undefined;
    this.#match(config, layers as TakenLayer[]);
    const ofDocker = docker.find((one) => one.config.endsWith(hexOf(configDocument.digest)));
    const names = [...namesOf(entry), ...(ofDocker?.names ?? [])];
    return {
      ...{ config, configDocument, manifest: document, layers: parsed.layers, digest: top.digest },
      names: this.#names(names),
      ...(top.digest !== document.digest && { documents: [top] }),
    };
  }

  #manifestOf(contents: ArchiveContents, top: Document) {
    const { digest, mediaType, bytes } = top;
    const parsed = parseManifest(this.#core(), bytes, mediaType, digest);
    if (parsed.kind === "manifest") {
      return { parsed: parsed.manifest, document: { ...top, mediaType: parsed.mediaType } };
    }
    const here = parsed.index.manifests.flatMap((one) => {
      const document = contents.document(one.digest, one.mediaType, this.#ports.codec);
      return document && !isAttestation(one) ? [{ one, document }] : [];
    });
    const descriptors = here.map(({ one }) => one);
    const chosen = choosePlatform(descriptors, this.#platform) ?? descriptors[0];
    const found = here.find(({ one }) => one === chosen);
    if (!found) return undefined;
    const { document } = found;
    const own = parseManifest(this.#core(), document.bytes, document.mediaType, digest);
    return own.kind === "manifest" ? { parsed: own.manifest, document } : undefined;
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

const hexOf = (digest: string): string => digest.slice(digest.indexOf(":") + 1);

const isAttestation = ({ platform }: Descriptor): boolean => platform?.os === "unknown";

function lacking(path: string): NacreError {
  return new NacreError("corrupt", `the archive lacks ${JSON.stringify(path)}, which it names`, {
    advice: "It is cut or damaged: make or fetch it again.",
  });
}
