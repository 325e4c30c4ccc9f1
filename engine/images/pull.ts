// From a reference to an image that can run: resolve, fetch, merge, record.
//
//   manifest or index ─▶ platform ─▶ manifest ─▶ config ─▶ layers in parallel ─▶ one merged root
//
// Nothing names the image before its last transaction. What breaks on the way because of the
// network, or because somebody stops it, keeps what it has stored for the next attempt; what the
// image itself is to blame for is thrown away.

import type { Core } from "@nacre/core/core.ts";
import { chainIds } from "@nacre/core/digest.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Descriptor, Platform } from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import { parseReference, type Reference } from "@nacre/core/reference.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { PulledImage, PullOptions } from "../engine.ts";
import type { EventBus } from "../event-bus.ts";
import type { Registry, Repository } from "../registry/registry.ts";
import { readAccounts } from "./accounts.ts";
import { eachBounded } from "./bounded.ts";
import { storeDocument } from "./documents.ts";
import type { Durability } from "./durability.ts";
import type { ImageRemoval } from "./image-removal.ts";
import type { DiskBudget, LayerStore } from "./layer-store.ts";
import type { StatePaths } from "./paths.ts";
import type { PullIntents } from "./pull-intent.ts";
import { type Resolved, Resolver } from "./resolve.ts";
import type { Roots } from "./roots.ts";
import { imageFor, imagesOfTag, putTag } from "./tag-platforms.ts";

/** How many layers are fetched at once, if nobody says otherwise. */
const PARALLEL_LAYERS = 4;
/** What is left free on the disk, as a share of what is free now. */
const RESERVE = 0.02;
/** How often layers that another process removes meanwhile are fetched again. */
const MAX_ROUNDS = 3;

export interface PullerOptions {
  readonly bootId: string;
  /** This machine's. */
  readonly platform: Platform;
  readonly executes?: (platform: string) => boolean;
  /** Layers at once. */
  readonly parallel?: number;
}

export class Puller {
  readonly #core: () => Core;
  readonly #files: Files;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #bus: EventBus;
  readonly #registry: Registry;
  readonly #roots: Roots;
  readonly #layers: LayerStore;
  readonly #intents: PullIntents;
  readonly #removal: ImageRemoval;
  readonly #durability: Durability;
  readonly #paths: StatePaths;
  readonly #resolver: Resolver;
  readonly #options: PullerOptions;

  constructor(
    core: () => Core,
    files: Files,
    content: ContentStore,
    state: StateStore,
    clock: Clock,
    bus: EventBus,
    registry: Registry,
    roots: Roots,
    layers: LayerStore,
    intents: PullIntents,
    removal: ImageRemoval,
    durability: Durability,
    paths: StatePaths,
    options: PullerOptions,
  ) {
    this.#core = core;
    this.#files = files;
    this.#content = content;
    this.#state = state;
    this.#clock = clock;
    this.#bus = bus;
    this.#registry = registry;
    this.#roots = roots;
    this.#layers = layers;
    this.#intents = intents;
    this.#removal = removal;
    this.#durability = durability;
    this.#paths = paths;
    this.#resolver = new Resolver(core, content, bus, options.platform, options.executes);
    this.#options = options;
  }

  /** `named`: what leads to it in place of the reference, such as an index that was made here. */
  async pull(
    text: string,
    options: PullOptions = {},
    named?: Resolved["named"],
  ): Promise<PulledImage> {
    const reference = parseReference(this.#core(), text, "docker");
    const name = reference.toString();
    this.#bus.emit({ type: "image", reference: name, phase: "resolving" });
    const repository = await this.#registry.open(reference, options);
    const found = await this.#resolver.resolve(repository, reference, options.platform);
    const resolved = { ...found, ...(named && { named }) };
    const intent = this.#intents.begin(name);
    if (intent.foundDead) this.#files.sweep(this.#paths.layers, { partials: false });
    try {
      const pulled = await this.#store(repository, reference, resolved, options.signal);
      this.#durability.begin();
      const { digest } = pulled;
      this.#bus.emit({ type: "image", reference: name, phase: "ready", digest });
      return pulled;
    } catch (error) {
      if (isImagesFault(error))
        await this.#removal.discard(documentsAndLayers(resolved), intent.id);
      throw error;
    } finally {
      this.#intents.end(intent.id);
    }
  }

  // -- what comes to this machine ---------------------------------------------------------------

  async #store(
    repository: Repository,
    reference: Reference,
    resolved: Resolved,
    signal: AbortSignal | undefined,
  ): Promise<PulledImage> {
    for (let round = 1; ; round++) {
      // Nothing of either may go on when the other has failed.
      const parts = await Promise.allSettled([
        this.#storeLayers(repository, reference, resolved, signal),
        this.#storeDocuments(resolved),
      ]);
      for (const part of parts) if (part.status === "rejected") throw part.reason;
      try {
        const image = await this.#merge(reference, resolved);
        const changed = this.#record(reference, resolved, image);
        return { image, reference: reference.toString(), digest: resolved.digest, changed };
      } catch (error) {
        // Somebody removed another image with these layers after we had seen them: once more.
        const gone = error instanceof NacreError && error.kind === "not-found";
        if (!gone || round === MAX_ROUNDS) throw error;
      }
    }
  }

  async #storeDocuments({ documents }: Resolved): Promise<void> {
    for (const one of documents) await storeDocument(this.#content, one);
  }

  async #storeLayers(
    repository: Repository,
    reference: Reference,
    { layers, config }: Resolved,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const diffIds = config.rootfs.diff_ids;
    // An image may have the same layer twice.
    const tasks = new Map(layers.map((descriptor, i) => [diffIds[i] as string, descriptor]));
    this.#files.makeDirectory(this.#paths.layers);
    const free = this.#files.freeBytes(this.#paths.layers);
    const budget: DiskBudget = { leftBytes: free * (1 - RESERVE) };
    const parallel = this.#options.parallel ?? PARALLEL_LAYERS;
    const report = (descriptor: Descriptor) => this.#reporter(reference, descriptor);
    for (const descriptor of tasks.values()) report(descriptor)("waiting", 0);
    await eachBounded([...tasks], parallel, signal, async ([diffId, descriptor], either) => {
      const say = report(descriptor);
      const { digest } = descriptor;
      if (await this.#layers.complete(diffId, digest)) {
        say("exists", descriptor.size);
        return;
      }
      if (!this.#content.has(descriptor.digest)) budget.leftBytes -= descriptor.size;
      if (budget.leftBytes < 0) throw tooLarge(reference, free);
      const received = (bytes: number) => say("downloading", bytes);
      try {
        const task = { repository, descriptor, diffId, budget, signal: either, received };
        await this.#layers.store(task);
      } catch (error) {
        say("failed", 0);
        throw error;
      }
      this.#durability.begin();
      say("complete", descriptor.size);
    });
  }

  #reporter(reference: Reference, { digest, size: totalBytes }: Descriptor) {
    type Phase = "waiting" | "downloading" | "exists" | "complete" | "failed";
    const name = reference.toString();
    return (phase: Phase, receivedBytes: number): void =>
      this.#bus.emit({ type: "layer", reference: name, digest, phase, receivedBytes, totalBytes });
  }

  /** Makes the merged root ready and describes the image; nothing names it yet. */
  async #merge(reference: Reference, resolved: Resolved): Promise<ImageRecord> {
    const { manifest, layers, config, id } = resolved;
    const name = reference.toString();
    const diffIds = config.rootfs.diff_ids;
    const chains = chainIds(this.#core().fork(), diffIds);
    const existing = this.#state.read((transaction) => transaction.get("image", id));
    const stored = this.#layers.allStored(diffIds);
    const top = chains.at(-1);
    if (top !== undefined) {
      const say = () => this.#bus.emit({ type: "image", reference: name, phase: "merging" });
      await this.#roots.prepare(top, stored, say);
    }
    const accounts = existing ?? (await readAccounts(this.#core, this.#files, stored));
    return {
      id,
      manifestDigest: manifest.digest,
      manifestMediaType: manifest.parsed.mediaType,
      config,
      layers,
      chainIds: chains,
      sizeBytes: stored.reduce((sum, layer) => sum + layer.tarBytes, 0),
      pulledMs: existing?.pulledMs ?? this.#clock.nowMs(),
      passwd: accounts.passwd,
      group: accounts.group,
    };
  }

  /** The last transaction. Returns whether anything is new; `not-found` if somebody took away what was stored. */
  #record(reference: Reference, resolved: Resolved, image: ImageRecord): boolean {
    const { reference: name, digest } = resolved.named ?? {
      ...{ reference: reference.toString(), digest: resolved.digest },
    };
    const { bootId } = this.#options;
    return this.#state.write((transaction) => {
      if (!this.#complete(transaction, image)) {
        throw new NacreError("not-found", `${reference.familiar()} was removed meanwhile`, {
          advice: "Pull it again.",
        });
      }
      const tag = transaction.get("tag", name);
      const known = transaction.get("image", image.id) !== undefined;
      for (const one of resolved.documents) {
        if (transaction.get("blob", one.digest)) continue;
        const { digest, mediaType, bytes } = one;
        const fresh = { durable: false, bootId, sizeBytes: bytes.length };
        transaction.put("blob", digest, { digest, mediaType, ...fresh });
      }
      const timeMs = this.#clock.nowMs();
      transaction.put("image", image.id, image);
      const named = { reference: name, imageId: image.id, digest, updatedMs: timeMs };
      const before = tag && transaction.get("image", tag.imageId);
      putTag(transaction, named, this.#runs(image) || !before || !this.#runs(before));
      const attributes = { name: reference.familiar() };
      const event = transaction.append({
        timeMs,
        type: "image",
        action: "pull",
        subject: reference.familiar(),
        attributes,
      });
      this.#bus.emit({ type: "record", event });
      return !known || !tag || !imagesOfTag(tag).includes(image.id) || tag.digest !== digest;
    });
  }

  /** Whether it is made for this machine. */
  #runs(image: ImageRecord): boolean {
    return imageFor([image], this.#options.platform) !== undefined;
  }

  #complete(transaction: Transaction, image: ImageRecord): boolean {
    const top = image.chainIds.at(-1);
    return (
      image.config.rootfs.diff_ids.every((id) => transaction.get("layer", id) !== undefined) &&
      (top === undefined || this.#roots.has(top))
    );
  }
}

const documentsAndLayers = ({ documents, layers, config }: Resolved) => ({
  blobs: [...documents.map((one) => one.digest), ...layers.map((layer) => layer.digest)],
  diffIds: config.rootfs.diff_ids,
});

/** Whether trying again would not help: then nothing is kept for it. */
function isImagesFault(error: unknown): boolean {
  const passing = ["unreachable", "interrupted", "conflict"];
  return !(error instanceof NacreError) || !passing.includes(error.kind);
}

function tooLarge(reference: Reference, freeBytes: number): NacreError {
  return new NacreError(
    "no-space",
    `${reference.familiar()} does not fit on the disk, which has ${freeBytes} bytes free`,
    { advice: "Make room: nacre system prune removes what no container needs." },
  );
}
