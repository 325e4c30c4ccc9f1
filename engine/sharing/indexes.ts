// `nacre manifest`: indexes that are made here.
//
//   index record ──▶ its document, a blob with a manifest record ──▶ manifests that are here ──▶ blobs
//        ╰─ a tag of its name, while images that it names are here, by which run, push, save find them
//
// Each change writes the whole of it anew in one transaction; the document of before goes then.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Descriptor, Platform } from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import { parseReference, type Reference } from "@nacre/core/reference.ts";
import type { ImageRecord, IndexEntry, IndexRecord } from "@nacre/core/state/records.ts";
import type { PulledImage, PullOptions } from "../engine.ts";
import { newTag } from "../images/image-lookup.ts";
import type { ImageService } from "../images/images.ts";
import { closureOf } from "../images/manifest-graph.ts";
import { imageFor } from "../images/tag-platforms.ts";
import type {
  AddToIndexOptions,
  CreateIndexOptions,
  IndexChange,
  Indexes,
  InspectedManifest,
  PushIndexOptions,
} from "../index-interface.ts";
import {
  choosePlatform,
  offeredPlatforms,
  parsePlatform,
  platformText,
} from "../registry/platform.ts";
import type { Repository } from "../registry/registry.ts";
import type { RegistryReach } from "../sharing-interface.ts";
import {
  changedEntry,
  type IndexDraft,
  indexDocument,
  indexType,
  withEntry,
} from "./index-document.ts";
import type { IndexPusher } from "./index-push.ts";
import type { IndexSources } from "./index-sources.ts";
import { isDocument, type ManifestKeeper, readManifest } from "./manifest-keeper.ts";
import type { StoredBlobs } from "./stored-blobs.ts";
import type { StoredImages } from "./stored-images.ts";
import { uploadMemory } from "./upload-memory.ts";

export class IndexService implements Indexes {
  readonly #core: () => Core;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #images: ImageService;
  readonly #keeper: ManifestKeeper;
  readonly #blobs: StoredBlobs;
  readonly #made: StoredImages;
  readonly #sources: IndexSources;
  readonly #pusher: IndexPusher;
  readonly #platform: Platform;

  constructor(
    core: () => Core,
    state: StateStore,
    clock: Clock,
    images: ImageService,
    keeper: ManifestKeeper,
    blobs: StoredBlobs,
    made: StoredImages,
    sources: IndexSources,
    pusher: IndexPusher,
    platform: Platform,
  ) {
    this.#core = core;
    this.#state = state;
    this.#clock = clock;
    this.#images = images;
    this.#keeper = keeper;
    this.#blobs = blobs;
    this.#made = made;
    this.#sources = sources;
    this.#pusher = pusher;
    this.#platform = platform;
  }

  async create(
    name: string,
    images: readonly string[],
    options: CreateIndexOptions = {},
  ): Promise<IndexRecord> {
    const reference = newTag(this.#core(), name);
    return this.#images.storing(reference, async (intent) => {
      const known = this.#state.read((t) => t.get("index", reference));
      if (known && !options.amend) throw exists(name);
      if (!known && this.#state.read((t) => t.get("tag", reference))) throw taken(name);
      let { entries } = known ?? { entries: [] };
      for (const image of images) {
        for (const one of await this.#sources.entries(image, options)) {
          entries = withEntry(entries, one);
        }
      }
      const annotations = { ...known?.annotations, ...options.annotations };
      const more = Object.keys(annotations).length > 0 ? { annotations } : {};
      return this.#write({ ...known, reference, entries, ...more }, known, intent);
    });
  }

  async add(name: string, image: string, options: AddToIndexOptions = {}): Promise<IndexRecord> {
    return this.#changed(name, async (known) => {
      const found = await this.#sources.entries(image, options);
      const changed = found.map((one) =>
        changedEntry(one, options.all ? without(options) : options),
      );
      return { ...known, entries: changed.reduce(withEntry, [...known.entries]) };
    });
  }

  async annotate(
    name: string,
    image: string | undefined,
    change: IndexChange,
  ): Promise<IndexRecord> {
    return this.#changed(name, async (known) => {
      if (image === undefined) {
        return { ...known, annotations: { ...known.annotations, ...change.annotations } };
      }
      const digest = await this.#digestOf(known, image);
      const entries = known.entries.map((one) =>
        one.digest === digest ? changedEntry(one, change) : one,
      );
      return { ...known, entries };
    });
  }

  async takeOut(name: string, digest: string): Promise<IndexRecord> {
    return this.#changed(name, async (known) => {
      const entries = known.entries.filter((one) => one.digest !== digest);
      if (entries.length === known.entries.length) throw notIn(known, digest);
      return { ...known, entries };
    });
  }

  async list(): Promise<IndexRecord[]> {
    return this.#state.read((t) => t.list("index"));
  }

  async get(name: string): Promise<IndexRecord> {
    const reference = parseReference(this.#core(), name, "docker").withDefaultTag().toString();
    const found = this.#state.read((t) => t.get("index", reference));
    if (found) return found;
    throw new NacreError("not-found", `No such manifest: ${name}`, {
      advice: "nacre manifest ls shows those that are here.",
    });
  }

  async remove(name: string): Promise<void> {
    const { reference, digest } = await this.get(name);
    await this.#images.storing(reference, async (intent) => {
      const blobs = this.#state.write(
        (t) => {
          const all = [...closureOf(t, digest)];
          const tag = t.get("tag", reference);
          if (tag?.digest === digest) t.delete("tag", reference);
          t.delete("index", reference);
          return all;
        },
        { durable: true },
      );
      await this.#images.forgetUnneeded({ blobs, diffIds: [] }, intent);
    });
  }

  async push(name: string, options: PushIndexOptions = {}) {
    const index = await this.get(name);
    const target = parseReference(this.#core(), options.target ?? index.reference, "docker");
    const bytes = await this.#blobs.document(index.digest);
    await this.#images.storing(index.reference, (intent) => {
      const memory = uploadMemory(this.#state, this.#clock, target, intent);
      return this.#pusher.push(index, bytes, target.withDefaultTag(), { ...options, memory });
    });
    this.#images.record("push", target.familiar(), index.digest);
    if (options.purge) await this.remove(name);
    const reference = target.withDefaultTag().toString();
    return { reference, digest: index.digest, sizeBytes: bytes.length };
  }

  // -- looking ----------------------------------------------------------------------------------

  async inspect(
    name: string,
    { children = false, ...reach }: RegistryReach & { readonly children?: boolean } = {},
  ): Promise<InspectedManifest> {
    const parsed = name.startsWith("docker://")
      ? undefined
      : parseReference(this.#core(), name, "docker");
    const local =
      parsed && this.#state.read((t) => t.get("index", parsed.withDefaultTag().toString()));
    const { reference, repository } = await this.#sources.open(name, reach);
    if (!local) {
      const wanted = reference.tagOrDigest;
      const { digest, bytes, mediaType } = await repository.document(wanted);
      return this.#inspected(repository, reference, { digest, mediaType, bytes }, children);
    }
    const { digest, mediaType, entries } = local;
    const bytes = await this.#blobs.document(digest);
    const found: InspectedManifest[] = [];
    for (const one of children ? entries : []) {
      found.push(await this.#child(reference, one, reach));
    }
    return { reference: `${reference.name}@${digest}`, digest, mediaType, bytes, children: found };
  }

  async #child(
    index: Reference,
    one: IndexEntry,
    reach: RegistryReach,
  ): Promise<InspectedManifest> {
    const { digest, mediaType, source: place = index.name } = one;
    const fetched = async () => {
      const { repository } = await this.#sources.open(place, reach);
      return (await repository.document(digest, `${mediaType}, */*`)).bytes;
    };
    const bytes = this.#blobs.has(digest) ? await this.#blobs.document(digest) : await fetched();
    return inspectedChild(place, one, bytes);
  }

  async #inspected(
    repository: Repository,
    { name }: Reference,
    own: { readonly digest: string; readonly mediaType: string; readonly bytes: Uint8Array },
    children: boolean,
  ): Promise<InspectedManifest> {
    const read = readManifest(this.#core(), own.bytes, "", own.mediaType);
    const found: InspectedManifest[] = [];
    for (const one of children ? read.manifests.filter(isDocument) : []) {
      const { bytes } = await repository.document(one.digest, `${one.mediaType}, */*`);
      found.push(inspectedChild(name, one, bytes));
    }
    const { mediaType } = read;
    return { ...own, mediaType, reference: `${name}@${own.digest}`, children: found };
  }

  // -- running what an index names --------------------------------------------------------------

  /** The image for a platform: from where the index says that it is, or of blobs that are here. */
  async pull(index: IndexRecord, options: PullOptions): Promise<PulledImage> {
    const platform =
      options.platform === undefined ? this.#platform : parsePlatform(options.platform);
    const chosen = choosePlatform(index.entries, platform);
    const entry = index.entries.find((one) => one === chosen);
    if (!entry) throw noPlatform(index, platform);
    const { reference, digest } = index;
    return this.#images.storing(reference, async () => {
      const { image, changed } =
        entry.source === undefined
          ? { image: await this.#made.image(entry), changed: false }
          : await this.#fetch(index, `${entry.source}@${entry.digest}`, options);
      if (!image) throw notWhole(index, entry.digest);
      this.#state.write((t) => this.#name(t, index, index.digest));
      return { image, reference, digest, changed };
    });
  }

  /** Under no name of its own: the index's leads to it. */
  #fetch({ reference, digest }: IndexRecord, name: string, options: PullOptions) {
    const { platform: _, ...others } = options;
    return this.#images.pullAs({ reference, digest }, name, others);
  }

  // -- parts ------------------------------------------------------------------------------------

  async #changed(
    name: string,
    change: (known: IndexRecord) => Promise<IndexDraft>,
  ): Promise<IndexRecord> {
    const { reference } = await this.get(name);
    return this.#images.storing(reference, async (intent) => {
      const known = await this.get(reference);
      return this.#write(await change(known), known, intent);
    });
  }

  async #write(
    draft: IndexDraft,
    before: IndexRecord | undefined,
    intent: string,
  ): Promise<IndexRecord> {
    const bytes = indexDocument(draft);
    const mediaType = indexType(draft);
    const { digest } = await this.#keeper.keep(bytes, mediaType, undefined, true);
    const record = { ...draft, digest, mediaType, updatedMs: this.#clock.nowMs() };
    const { reference } = record;
    const old = this.#state.write(
      (t) => {
        // Whoever changes it beside us must not be overwritten.
        if (t.get("index", reference)?.digest !== before?.digest) throw changedMeanwhile(reference);
        const closure = before ? [...closureOf(t, before.digest)] : [];
        t.put("index", reference, record);
        this.#name(t, record, before?.digest);
        return closure;
      },
      // A machine that goes down must not remember the document of before, which goes now.
      { durable: before !== undefined },
    );
    if (before && before.digest !== digest) {
      await this.#images.forgetUnneeded({ blobs: old, diffIds: [] }, intent);
    }
    return record;
  }

  /** Its name leads to the images that are here, this machine's first, unless it leads elsewhere by now. */
  #name(t: Transaction, index: IndexRecord, before: string | undefined): void {
    const { reference, digest, updatedMs } = index;
    const tag = t.get("tag", reference);
    if (tag && tag.digest !== before) return;
    const images = imagesOf(t, index);
    const first = imageFor(images, this.#platform) ?? images[0];
    if (!first) {
      if (tag) t.delete("tag", reference);
      return;
    }
    const others = images.filter((one) => one !== first).map(({ id }) => id);
    const named = { reference, imageId: first.id, digest, updatedMs };
    t.put("tag", reference, { ...named, ...(others.length > 0 && { others }) });
  }

  /** One of an index's entries, as a person names it. */
  async #digestOf(index: IndexRecord, image: string): Promise<string> {
    const named = index.entries.find(
      ({ digest }) => digest === image || image.endsWith(`@${digest}`),
    );
    if (named) return named.digest;
    const found = await this.#sources.entries(image, { all: true });
    const known = new Set(index.entries.map(({ digest }) => digest));
    const digests = [...new Set(found.map(({ digest }) => digest))].filter((one) => known.has(one));
    if (digests.length === 1) return digests[0]!;
    throw notIn(index, image);
  }
}

function inspectedChild(
  place: string,
  { digest, mediaType, platform }: Descriptor,
  bytes: Uint8Array,
): InspectedManifest {
  return {
    ...{ reference: `${place}@${digest}`, digest, mediaType, bytes, children: [] },
    ...(platform && { platform }),
  };
}

/** Of all of an index the platform is what it is. */
const without = ({ annotations }: IndexChange): IndexChange => (annotations ? { annotations } : {});

/** Images of this machine that an index names: by their manifests, or by the configs of those. */
function imagesOf(t: Transaction, { entries }: IndexRecord): ImageRecord[] {
  const all = t.list("image");
  const found = entries.flatMap(({ digest }) => {
    const [config] = t.get("manifest", digest)?.blobs ?? [];
    const own = config === undefined ? undefined : t.get("image", config);
    return own ?? all.find(({ manifestDigest }) => manifestDigest === digest) ?? [];
  });
  return [...new Map(found.map((one) => [one.id, one])).values()];
}

const exists = (name: string): NacreError =>
  new NacreError(
    "exists",
    `refusing to amend an existing manifest list with no --amend flag: ${name}`,
    {
      advice: "Add --amend, or remove it first: nacre manifest rm.",
    },
  );

const taken = (name: string): NacreError =>
  new NacreError("exists", `there is an image with the name ${name}`, {
    advice: "Give the index another name, or remove the image's: nacre rmi.",
  });

const notIn = ({ reference }: IndexRecord, what: string): NacreError =>
  new NacreError("not-found", `the index ${reference} does not name ${what}`, {
    advice: `nacre manifest inspect ${reference} shows what it names.`,
  });

const changedMeanwhile = (reference: string): NacreError =>
  new NacreError("conflict", `the index ${reference} was changed by somebody else meanwhile`, {
    advice: "Try again.",
  });

function noPlatform({ reference, entries }: IndexRecord, platform: Platform): NacreError {
  return new NacreError("not-found", `${reference} has nothing for ${platformText(platform)}`, {
    advice: `It names images for ${offeredPlatforms(entries) || "no platform"}: choose one with --platform.`,
  });
}

const notWhole = ({ reference }: IndexRecord, digest: string): NacreError =>
  new NacreError("not-found", `${digest} of the index ${reference} is no whole image here`, {
    advice: "Add it again from where it is: nacre manifest add INDEX docker://NAME",
  });
