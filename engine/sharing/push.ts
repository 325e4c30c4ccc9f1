// To a registry: what it has not, bottom up, so that nothing there ever names what is missing.
//
//   blobs in parallel ─▶ manifests ─▶ the index, if there is one ─▶ its tag

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Descriptor } from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import { parseReference, type Reference } from "@nacre/core/reference.ts";
import type { ImageRecord, TagRecord } from "@nacre/core/state/records.ts";
import type { EventBus } from "../event-bus.ts";
import { eachBounded } from "../images/bounded.ts";
import { findImage, LISTED } from "../images/image-lookup.ts";
import type { ImageService } from "../images/images.ts";
import { platformText } from "../registry/platform.ts";
import type { Registry } from "../registry/registry.ts";
import { isPassing } from "../registry/retry.ts";
import {
  type BlobSource,
  PARALLEL_BLOBS,
  type UploadOptions,
  Uploads,
} from "../registry/uploads.ts";
import type { PushedImage, PushOptions } from "../sharing-interface.ts";
import type { Bundle, Bundles, Manifested, Part } from "./bundles.ts";
import type { StoredBlobs } from "./stored-blobs.ts";
import { uploadMemory } from "./upload-memory.ts";
import { UploadReport } from "./upload-report.ts";

/** Other repositories that are asked for a blob. */
const MOUNT_CANDIDATES = 2;

export class Pusher {
  readonly #core: () => Core;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #bus: EventBus;
  readonly #registry: Registry;
  readonly #images: ImageService;
  readonly #blobs: StoredBlobs;
  readonly #bundles: Bundles;

  constructor(
    core: () => Core,
    state: StateStore,
    clock: Clock,
    bus: EventBus,
    registry: Registry,
    images: ImageService,
    blobs: StoredBlobs,
    bundles: Bundles,
  ) {
    this.#core = core;
    this.#state = state;
    this.#clock = clock;
    this.#bus = bus;
    this.#registry = registry;
    this.#images = images;
    this.#blobs = blobs;
    this.#bundles = bundles;
  }

  async push(text: string, options: PushOptions): Promise<PushedImage> {
    const { platform } = options;
    const { image, tag } = this.#state.read((t) =>
      findImage(this.#core, t, options.image ?? text, { platform, absent: notTagged }),
    );
    if (tag === undefined && options.image === undefined) throw noName(text);
    const reference = parseReference(this.#core(), text, "docker");
    const name = reference.toString();
    return this.#images.storing(name, async (intent) => {
      const named = platform === undefined ? tag?.digest : undefined;
      const digest = named ?? image.manifestDigest;
      const bundle = await this.#bundles.of(image, digest, options.compression);
      if (bundle.partOf !== undefined && platform === undefined)
        this.#noticePart(reference, bundle);
      try {
        await this.#send(reference, bundle, options, intent);
      } finally {
        await bundle.discard();
      }
      if (bundle.made && tag) await this.#remember(tag, bundle.top);
      this.#say(image, reference);
      const { digest: pushed, bytes } = bundle.top;
      return { reference: name, digest: pushed, sizeBytes: bytes.length };
    });
  }

  async #send(
    reference: Reference,
    bundle: Bundle,
    options: PushOptions,
    intent: string,
  ): Promise<void> {
    const { signal } = options;
    const exchange = await this.#registry.exchange(reference, options);
    const uploads = new Uploads(exchange, reference.familiar());
    const tagged = reference.tag ?? bundle.top.digest;
    const memory = uploadMemory(this.#state, this.#clock, reference, intent);
    const report = new UploadReport(this.#bus, reference);
    for (const part of bundle.parts) report.say(part, "waiting", 0);
    // Of an image that is there nothing else need be asked.
    if ((await uploads.manifestDigest(bundle.top.digest)) === bundle.top.digest) {
      for (const part of bundle.parts) report.say(part, "exists", part.sizeBytes);
    } else {
      await requireThere(uploads, reference, bundle.missing);
      await eachBounded(bundle.parts, PARALLEL_BLOBS, signal, async (part, either) => {
        const { chunkBytes } = options;
        const more = { memory, signal: either, ...(chunkBytes !== undefined && { chunkBytes }) };
        await this.#sendPart(uploads, reference, part, more, report);
      });
      for (const one of bundle.manifests.slice(0, -1)) await put(uploads, one, one.digest);
    }
    await put(uploads, bundle.top, tagged);
  }

  async #sendPart(
    uploads: Uploads,
    reference: Reference,
    part: Part,
    more: UploadOptions,
    report: UploadReport,
  ): Promise<void> {
    try {
      const outcome = await this.#verified(part.source(), (source) =>
        uploads.blob(source, {
          ...more,
          mountFrom: this.#mountCandidates(reference, part.digest),
          sent: (bytes) => report.say(part, "sending", bytes),
        }),
      );
      report.done(part, outcome);
    } catch (error) {
      report.say(part, "failed", 0);
      throw error;
    }
  }

  /** A refusal may be ours to answer for: a blob that is damaged here. */
  async #verified<T>(source: BlobSource, send: (source: BlobSource) => Promise<T>): Promise<T> {
    try {
      return await send(source);
    } catch (error) {
      const refused = error instanceof NacreError && error.kind === "invalid" && !isPassing(error);
      if (refused) await this.#blobs.verify(source);
      throw error;
    }
  }

  /** Repositories of the same registry that gave us, or got from us, an image with this blob. */
  #mountCandidates({ domain, path }: Reference, digest: string): string[] {
    return this.#state.read((t) => {
      const found = new Set<string>();
      for (const { reference, imageId } of t.list("tag", `${domain}/`)) {
        const image = t.get("image", imageId);
        const other = parseReference(this.#core(), reference, "normalized").path;
        if (other === path || !image) continue;
        if (image.id === digest || image.layers.some((layer) => layer.digest === digest)) {
          found.add(other);
        }
      }
      return [...found].slice(0, MOUNT_CANDIDATES);
    });
  }

  #noticePart(reference: Reference, { partOf, made }: Bundle): void {
    const why = made
      ? "no index names one that is compressed anew"
      : "pull --all-platforms brings the others";
    const message = `${reference.familiar()} names images for several platforms: that for ${partOf} alone is pushed (${why})`;
    this.#bus.emit({ type: "notice", message });
  }

  /** The image's name gets the digest that it has in the registry now, as after a pull. */
  async #remember(tag: TagRecord, top: Manifested): Promise<void> {
    await this.#bundles.keep(top);
    this.#state.write((t) => {
      const now = t.get("tag", tag.reference);
      if (now?.imageId !== tag.imageId) return;
      t.put("tag", tag.reference, { ...now, digest: top.digest });
    });
  }

  #say(image: ImageRecord, reference: Reference): void {
    this.#images.record("push", reference.familiar(), image.id);
  }
}

function put(uploads: Uploads, one: Manifested, reference: string): Promise<unknown> {
  return uploads.manifest(reference, one.mediaType, one.bytes);
}

/** As docker says it. */
function notTagged(text: string): NacreError {
  const name = text.replace(/[^\w./:@+-]/g, "?");
  return new NacreError("not-found", `An image does not exist locally with the tag: ${name}`, {
    advice: LISTED,
  });
}

/** What an index names must be somewhere: here, or there already. */
async function requireThere(
  uploads: Uploads,
  reference: Reference,
  missing: readonly Descriptor[],
): Promise<void> {
  for (const { digest, platform } of missing) {
    if ((await uploads.manifestDigest(digest)) === digest) continue;
    const what = platform ? platformText(platform) : digest;
    throw new NacreError(
      "not-found",
      `${reference.familiar()} names images for several platforms, and that for ${what} is neither here nor in the registry`,
      {
        advice:
          "Bring all of them with pull --all-platforms, or push one by itself: push --platform.",
      },
    );
  }
}

function noName(text: string): NacreError {
  return new NacreError("invalid", `${text} names no repository to push to`, {
    advice: "Give the image a name first: nacre tag IMAGE REGISTRY/REPOSITORY:TAG",
  });
}
