// The images of this machine, as the engine's users see them. Fetching is pull.ts, deleting is
// image-removal.ts; here both meet the state.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import { MANIFEST_LIMIT_BYTES, type Platform } from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { Snapshotter, StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import { parseReference } from "@nacre/core/reference.ts";
import type { ImageRecord, IndexRecord, TagRecord } from "@nacre/core/state/records.ts";
import { whenUsed } from "@nacre/core/when-used.ts";
import type {
  ImageListing,
  ImageSharing,
  Images,
  LayerReport,
  ListImagesOptions,
  PathReport,
  PulledImage,
  PullOptions,
  RemoveImageOptions,
} from "../engine.ts";
import type { EventBus } from "../event-bus.ts";
import { parseManifest } from "../registry/manifest.ts";
import { platformText } from "../registry/platform.ts";
import type { Registry } from "../registry/registry.ts";
import { mergeLayers } from "../snapshotters/stored-layers.ts";
import type { ImageContent } from "../volumes/fill.ts";
import { Durability } from "./durability.ts";
import { forgetImage } from "./forgetting.ts";
import { filteredImages } from "./image-list.ts";
import {
  artifactNamed,
  type FoundImage,
  findImage,
  indexNamed,
  newTag,
  notHere,
} from "./image-lookup.ts";
import { type Candidates, ImageRemoval, type Swept } from "./image-removal.ts";
import { imagesById } from "./images-by-id.ts";
import type { LayerStore } from "./layer-store.ts";
import type { StatePaths } from "./paths.ts";
import { Puller } from "./pull.ts";
import { PullIntents } from "./pull-intent.ts";
import { Roots } from "./roots.ts";
import { imageFor, imagesOfTag, platformOf } from "./tag-platforms.ts";

export interface ImageServiceOptions {
  readonly bootId: string;
  /** This process, recorded as the one that pulls. */
  readonly self: ProcessIdentity;
  /** What is pulled where nobody says otherwise: this machine's. */
  readonly platform: Platform;
  /** Whether a runtime executes images of another platform, too. */
  readonly executes?: (platform: string) => boolean;
  /** Brings the image for a platform that an index of this machine names. */
  readonly fromIndex?: (index: IndexRecord, options: PullOptions) => Promise<PulledImage>;
  /** Layers that one pull fetches at once; 4 if absent. */
  readonly parallelLayers?: number;
}

export class ImageService implements Omit<Images, keyof ImageSharing> {
  readonly #core: () => Core;
  readonly #files: Files;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #bus: EventBus;
  readonly #layers: LayerStore;
  readonly #durability: Durability;
  readonly #removal: ImageRemoval;
  readonly #roots: Roots;
  readonly #intents: PullIntents;
  readonly #puller: Puller;
  readonly #options: ImageServiceOptions;

  /** `snapshotter` is the one that pulls prepare images for; `snapshotters` are all there are. */
  constructor(
    core: () => Core,
    kernel: Pick<Kernel, "alive">,
    files: Files,
    content: ContentStore,
    state: StateStore,
    clock: Clock,
    random: Random,
    bus: EventBus,
    registry: Registry,
    snapshotter: Snapshotter,
    snapshotters: readonly Snapshotter[],
    layers: LayerStore,
    paths: StatePaths,
    options: ImageServiceOptions,
  ) {
    this.#core = core;
    this.#files = files;
    this.#content = content;
    this.#state = state;
    this.#clock = clock;
    this.#bus = bus;
    this.#layers = layers;
    this.#options = options;
    this.#intents = whenUsed(() => new PullIntents(kernel, state, clock, random, options.self));
    this.#durability = new Durability(files, state, paths, options.bootId);
    this.#roots = new Roots(snapshotter, state, options.bootId);
    this.#removal = whenUsed(
      () => new ImageRemoval(files, content, state, random, snapshotters, this.#intents, paths),
    );
    this.#puller = whenUsed(() => {
      const { bootId, platform, executes, parallelLayers: parallel } = options;
      return new Puller(
        ...([core, files, content, state, clock, bus, registry] as const),
        ...([this.#roots, layers, this.#intents, this.#removal, this.#durability] as const),
        paths,
        {
          ...{ bootId, platform },
          ...(executes && { executes }),
          ...(parallel === undefined ? {} : { parallel }),
        },
      );
    });
  }

  async pull(reference: string, options: PullOptions = {}): Promise<PulledImage> {
    const { fromIndex } = this.#options;
    const index = this.#state.read((t) => indexNamed(this.#core, t, reference));
    return index && fromIndex ? fromIndex(index, options) : this.#puller.pull(reference, options);
  }

  /** The same under another name, which stands for `digest`. */
  pullAs(
    named: { readonly reference: string; readonly digest: string },
    reference: string,
    options: PullOptions,
  ): Promise<PulledImage> {
    return this.#puller.pull(reference, options, named);
  }

  list(options: ListImagesOptions = {}): ImageListing[] {
    const all = this.#state.read((transaction) => {
      const tags = transaction.list("tag");
      const images = transaction.list("image").sort((a, b) => b.pulledMs - a.pulledMs);
      return images.map((image) => listing(image, tags));
    });
    if (Object.keys(options.filters ?? {}).length === 0 && options.untilMs === undefined)
      return all;
    return filteredImages(this.#core, all, options, (name) => this.get(name));
  }

  get(reference: string, platform?: string): ImageListing {
    return this.#state.read((transaction) => {
      const { image } = findImage(this.#core, transaction, reference, { platform });
      return listing(image, transaction.list("tag"));
    });
  }

  tag(reference: string, name: string): string {
    const wanted = newTag(this.#core(), name);
    this.#state.write((transaction) => {
      const updatedMs = this.#clock.nowMs();
      const artifact = artifactNamed(this.#core, transaction, reference);
      if (artifact && !transaction.get("tag", artifact.reference)) {
        transaction.put("artifact", wanted, { ...artifact, reference: wanted, updatedMs });
        this.#say(transaction, "tag", wanted, artifact.digest);
        return;
      }
      const { image, tag } = findImage(this.#core, transaction, reference, {
        absent: notHere,
      });
      const { id: imageId, manifestDigest: digest } = image;
      const same = tag ?? { imageId, digest };
      transaction.put("tag", wanted, { ...same, reference: wanted, updatedMs });
      this.#say(transaction, "tag", wanted, imageId);
    });
    return wanted;
  }

  async layers(
    reference: string,
    platform?: string,
  ): Promise<{ layers: LayerReport[]; wastedBytes: number }> {
    const { image } = this.get(reference, platform);
    const tree = this.#tree(image);
    const sizes = tree.layerSizes();
    const steps = (image.config.history ?? []).filter((step) => step.empty_layer !== true);
    const layers = image.layers.map(({ digest }, number): LayerReport => {
      const diffId = image.config.rootfs.diff_ids[number] as string;
      let entries = 0;
      for (const entry of tree.layerEntries(number)) {
        if (!entry.inherited && !entry.implicit) entries++;
      }
      return {
        diffId,
        digest,
        createdBy: steps[number]?.created_by ?? "",
        tarBytes: this.#layers.stored(diffId).tarBytes,
        visibleBytes: sizes[number]?.seenBytes ?? 0,
        entries,
      };
    });
    return { layers, wastedBytes: tree.wastedBytes() };
  }

  async path(reference: string, path: string): Promise<PathReport> {
    const { image } = this.get(reference);
    const tree = this.#tree(image);
    const entry = tree.lookup(path);
    if (!entry) {
      throw new NacreError("not-found", `${reference} has nothing at ${JSON.stringify(path)}`);
    }
    return {
      path: `/${entry.path}`,
      type: entry.kind,
      mode: entry.mode,
      sizeBytes: entry.size,
      layer: (entry.givenBy ?? entry.layer ?? -1) + 1,
      hides: tree.hides(path).map(({ layer, kind, size }) => {
        return { layer: layer + 1, type: kind, sizeBytes: size };
      }),
    };
  }

  async remove(
    reference: string,
    { force = false, platform }: RemoveImageOptions = {},
  ): Promise<{ untagged: string[]; deleted: string[] }> {
    return this.#removal.remove((t) => {
      const found = findImage(this.#core, t, reference, { platform, absent: notHere });
      const say = this.#say.bind(this, t);
      return [forgetImage(t, found, { force, say, onePlatform: platform !== undefined })];
    });
  }

  /** Images by their full IDs with all of their names, unless containers need them; all at once. */
  removeAll(ids: readonly string[]): Promise<{ untagged: string[]; deleted: string[] }> {
    return this.#removal.remove((t) => {
      const how = { force: true, say: this.#say.bind(this, t), onePlatform: false };
      const images = ids.flatMap((id) => t.get("image", id) ?? []);
      return images.map((image) => forgetImage(t, { image }, how));
    });
  }

  /** Removes files that no image needs; see ImageRemoval.sweep. Returns the bytes freed. */
  sweep(): Promise<Swept> {
    return this.#removal.sweep();
  }

  /**
   * To be called before an image is used: what a machine that went down may have torn is verified,
   * and made anew where that can be done from what is here. Costs some lookups otherwise.
   * @throws NacreError `corrupt` if the image has to be pulled again
   */
  async ready(image: ImageRecord): Promise<void> {
    const diffIds = image.config.rootfs.diff_ids;
    const layers = await this.#layers.allIntact(diffIds);
    const damaged = diffIds[layers.length];
    if (damaged !== undefined) {
      throw new NacreError("corrupt", `the stored layer ${damaged} was damaged or is gone`, {
        advice: "Pull the image again; the layers that are whole are not fetched again.",
      });
    }
    const chainId = image.chainIds.at(-1);
    if (chainId !== undefined) await this.#roots.prepare(chainId, layers);
  }

  /** An image's layers, and what they are together. */
  root(image: ImageRecord): { readonly tree: ImageTree; readonly layers: readonly StoredLayer[] } {
    return { tree: this.#tree(image), layers: this.#stored(image) };
  }

  /** Does what stores something that no image names yet; meanwhile nobody takes it for rubbish. */
  async storing<T>(subject: string, work: (intent: string) => Promise<T>): Promise<T> {
    const intent = this.#intents.begin(subject);
    try {
      return await work(intent.id);
    } finally {
      this.#intents.end(intent.id);
      this.#durability.begin();
    }
  }

  /** Removes, of what was stored for an image that did not come about, what no image needs; unless somebody else than this `intent` stores something. */
  async forgetUnneeded(candidates: Candidates, intent: string): Promise<void> {
    const forgotten = this.#state.write((t) =>
      this.#intents.othersRun(t, intent) ? undefined : this.#removal.forget(t, candidates),
    );
    if (forgotten) await this.#removal.finish(forgotten);
  }

  /** Those that there are, by their full IDs. */
  byId(ids: Iterable<string>): ReadonlyMap<string, ImageRecord> {
    return imagesById(this.#state, ids);
  }

  /** An image, and the tag that named it. NacreError `not-found`. */
  found(reference: string, platform?: string): FoundImage {
    return this.#state.read((t) => findImage(this.#core, t, reference, { platform }));
  }

  /** What a person should know of an image that is used and made for another machine than this. */
  noticeForeign(image: ImageRecord): void {
    const { platform, executes = () => false } = this.#options;
    const own = platformOf(image);
    if (imageFor([image], platform) || executes(platformText(own))) return;
    const message = `the requested image's platform (${platformText(own)}) does not match the detected host platform (${platformText(platform)}) and no specific platform was requested`;
    this.#bus.emit({ type: "notice", message });
  }

  /** A normalised name as people type it. */
  familiar(reference: string): string {
    return parseReference(this.#core(), reference, "normalized").familiar();
  }

  /** A manifest or a config that is here. NacreError `not-found`, `corrupt`. */
  document(digest: string): Promise<Uint8Array> {
    return this.#content.read(digest, MANIFEST_LIMIT_BYTES);
  }

  /** An index of this store that a name stands for, with what of it is here; undefined for an image alone. */
  async storedIndex({ reference, digest, updatedMs }: TagRecord): Promise<IndexRecord | undefined> {
    if (!this.#content.has(digest)) return undefined;
    const bytes = await this.document(digest);
    const { mediaType, ...parsed } = parseManifest(this.#core(), bytes, "", reference);
    if (parsed.kind === "manifest") return undefined;
    const entries = parsed.index.manifests.filter((one) => this.#content.has(one.digest));
    return { reference, digest, mediaType, entries, updatedMs };
  }

  /** The image for a platform, of what an index names that is here. NacreError `not-found`. */
  async made(index: IndexRecord, platform: string): Promise<ImageRecord | undefined> {
    return (await this.#options.fromIndex?.(index, { platform }))?.image;
  }

  /** Records what was done with an image. */
  record(action: string, subject: string, id: string): void {
    this.#state.write((transaction) => this.#say(transaction, action, subject, id));
  }

  /** Makes a merged root ready; see Roots.prepare. */
  prepareRoot(chainId: string, layers: readonly StoredLayer[]): Promise<void> {
    return this.#roots.prepare(chainId, layers);
  }

  /** Resolves when nothing is being flushed to disk any more. */
  settled(): Promise<void> {
    return this.#durability.settled();
  }

  /** What an image consists of. */
  content(image: ImageRecord): ImageContent {
    return { layers: this.#stored(image), tree: () => this.#tree(image) };
  }

  // -- parts ------------------------------------------------------------------------------------

  #tree(image: ImageRecord): ImageTree {
    return mergeLayers(this.#core, this.#files, this.#stored(image));
  }

  #stored(image: ImageRecord): StoredLayer[] {
    return this.#layers.allStored(image.config.rootfs.diff_ids);
  }

  #say(transaction: Transaction, action: string, subject: string, id: string): void {
    const timeMs = this.#clock.nowMs();
    const attributes = { name: subject, id };
    const event = transaction.append({ timeMs, type: "image", action, subject, attributes });
    this.#bus.emit({ type: "record", event });
  }
}

function listing(image: ImageRecord, tags: readonly TagRecord[]): ImageListing {
  const references = tags
    .filter((tag) => imagesOfTag(tag).includes(image.id))
    .map(({ reference, digest }) => ({ reference, digest }));
  return { image, references };
}
