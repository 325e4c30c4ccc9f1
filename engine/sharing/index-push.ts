// An index to a registry, bottom up: what it names, which is here or in a registry, this one or
// another, and then itself.
//
//   in the repository already ──────────────────────────▶ nothing
//   blobs in another repository of the same registry ───▶ mounted
//   blobs here, or in another registry ─────────────────▶ sent, what is missing

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Descriptor } from "@nacre/core/oci/image.ts";
import { parseReference, type Reference } from "@nacre/core/reference.ts";
import type { IndexEntry, IndexRecord } from "@nacre/core/state/records.ts";
import type { EventBus } from "../event-bus.ts";
import { eachBounded } from "../images/bounded.ts";
import type { PushIndexOptions } from "../index-interface.ts";
import type { Registry, Repository } from "../registry/registry.ts";
import {
  type BlobSource,
  PARALLEL_BLOBS,
  type UploadMemory,
  Uploads,
} from "../registry/uploads.ts";
import type { Bundles, Part } from "./bundles.ts";
import { isDocument, MAX_INDEX_DEPTH, readManifest } from "./manifest-keeper.ts";
import type { StoredBlobs } from "./stored-blobs.ts";
import { UploadReport } from "./upload-report.ts";

type Wishes = PushIndexOptions & { readonly memory: UploadMemory };

/** A blob that is to be there. */
interface Wanted extends Part {
  /** Repositories of the target's registry that may have it. */
  readonly mountFrom: readonly string[];
}

export class IndexPusher {
  readonly #core: () => Core;
  readonly #bus: EventBus;
  readonly #registry: Registry;
  readonly #bundles: Bundles;
  readonly #blobs: StoredBlobs;

  constructor(
    core: () => Core,
    bus: EventBus,
    registry: Registry,
    bundles: Bundles,
    blobs: StoredBlobs,
  ) {
    this.#core = core;
    this.#bus = bus;
    this.#registry = registry;
    this.#bundles = bundles;
    this.#blobs = blobs;
  }

  /** Whether all that it names is there afterwards is the registry's to check, where it does. */
  async push(
    index: IndexRecord,
    bytes: Uint8Array,
    target: Reference,
    options: Wishes,
  ): Promise<void> {
    const exchange = await this.#registry.exchange(target, options);
    const uploads = new Uploads(exchange, target.familiar());
    if (options.all !== false) {
      for (const entry of index.entries) await this.#entry(uploads, target, entry, options);
    }
    await uploads.manifest(target.tag ?? index.digest, index.mediaType, bytes);
  }

  async #entry(
    uploads: Uploads,
    target: Reference,
    entry: IndexEntry,
    options: Wishes,
  ): Promise<void> {
    if ((await uploads.manifestDigest(entry.digest)) === entry.digest) return;
    if (entry.source === undefined) return this.#stored(uploads, target, entry, options);
    const from = parseReference(this.#core(), entry.source, "normalized");
    const repository = await this.#registry.open(from, options);
    await this.#fetched(uploads, target, entry, { from, repository, options, depth: 0 });
  }

  async #stored(
    uploads: Uploads,
    target: Reference,
    { digest, mediaType }: IndexEntry,
    options: Wishes,
  ): Promise<void> {
    const bundle = await this.#bundles.closed(digest, mediaType);
    if (!bundle) throw gone(digest);
    const wanted = bundle.parts.map((part) => ({ ...part, mountFrom: [] }));
    await this.#send(uploads, target, wanted, options);
    for (const one of bundle.manifests) {
      await uploads.manifest(one.digest, one.mediaType, one.bytes);
    }
  }

  async #fetched(
    uploads: Uploads,
    target: Reference,
    one: Descriptor,
    place: {
      readonly from: Reference;
      readonly repository: Repository;
      readonly options: Wishes;
      readonly depth: number;
    },
  ): Promise<void> {
    const { from, repository, options, depth } = place;
    const { bytes, digest } = await repository.document(one.digest, `${one.mediaType}, */*`);
    const read = readManifest(this.#core(), bytes, "", one.mediaType);
    const mountFrom = from.domain === target.domain && from.path !== target.path ? [from.path] : [];
    const wanted = (descriptor: Descriptor, isLayer: boolean): Wanted => ({
      ...{ digest: descriptor.digest, sizeBytes: descriptor.size, isLayer, mountFrom },
      // What is here need not come from afar.
      source: () =>
        this.#blobs.has(descriptor.digest)
          ? this.#blobs.source(descriptor)
          : remote(repository, descriptor),
    });
    const { config, layers, manifests } = read;
    for (const below of manifests.filter(isDocument)) {
      if (depth === MAX_INDEX_DEPTH) break;
      await this.#fetched(uploads, target, below, { ...place, depth: depth + 1 });
    }
    const blobs = [
      ...layers.filter(({ urls }) => !urls).map((layer) => wanted(layer, true)),
      ...manifests.filter((each) => !isDocument(each)).map((each) => wanted(each, false)),
      ...(config ? [wanted(config, false)] : []),
    ];
    await this.#send(uploads, target, blobs, options);
    await uploads.manifest(digest, read.mediaType, bytes);
  }

  async #send(
    uploads: Uploads,
    target: Reference,
    blobs: readonly Wanted[],
    { signal, memory }: Wishes,
  ): Promise<void> {
    const report = new UploadReport(this.#bus, target);
    const distinct = [...new Map(blobs.map((one) => [one.digest, one])).values()];
    await eachBounded(distinct, PARALLEL_BLOBS, signal, async (one, either) => {
      const sent = (bytes: number) => report.say(one, "sending", bytes);
      const outcome = await uploads.blob(one.source(), {
        ...{ mountFrom: one.mountFrom, sent, memory, signal: either },
      });
      report.done(one, outcome);
    });
  }
}

/** A blob of another registry on its way through. */
function remote(repository: Repository, descriptor: Descriptor): BlobSource {
  return {
    ...{ digest: descriptor.digest, sizeBytes: descriptor.size },
    async *read(offset, length) {
      let left = length;
      for await (const chunk of repository.blob(descriptor, offset)) {
        yield chunk.subarray(0, left);
        left -= Math.min(left, chunk.length);
        if (left === 0) return;
      }
    },
  };
}

const gone = (digest: string): NacreError =>
  new NacreError("not-found", `${digest}, which the index names, is not whole on this machine`, {
    advice: "Add it again from where it is: nacre manifest add INDEX docker://NAME",
  });
