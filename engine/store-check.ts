// Whether the store is consistent: records agree with each other and with the files they name, and
// nothing lies there that no record names. It only looks; what finds something decides what to do.
//
//   damage     something is missing or wrong that an image or a container needs
//   torn       a file that was not flushed when the machine went down; its next use finds it out
//   leftover   harmless: a killed process or a removal left it, the next prune takes it

import type { Codec } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { RecordKind, Records } from "@nacre/core/state/records.ts";
import type { StoreProblem } from "./engine.ts";
import { imageBlobs } from "./images/image-removal.ts";
import { contents } from "./images/layer-source.ts";
import { addReachable } from "./images/manifest-graph.ts";
import type { StatePaths } from "./images/paths.ts";
import { imagesOfTag } from "./images/tag-platforms.ts";
import { volumesOf } from "./volumes/volume-records.ts";

export interface StoreCheckOptions {
  readonly bootId: string;
  /** Reads every blob and layer and compares digests; without it sizes must do. */
  readonly digests: boolean;
}

type All = { readonly [K in RecordKind]: readonly Records[K][] } & {
  /** Digests of blobs, manifests and layers that something with a name needs. */
  readonly needed: ReadonlySet<string>;
};
const KINDS = [
  ...([
    "image",
    "tag",
    "blob",
    "manifest",
    "artifact",
    "index",
    "layer",
    "snapshot",
    "container",
    "intent",
    "volume",
    "secret",
    "step",
  ] as const),
];

function everything(t: Transaction): All {
  const needed = new Set(t.list("image").flatMap(imageBlobs));
  for (const { digest } of t.list("tag")) needed.add(digest);
  addReachable(t, needed);
  const lists = Object.fromEntries(KINDS.map((kind) => [kind, t.list(kind)]));
  return { ...(lists as unknown as All), needed };
}

export class StoreCheck {
  readonly #files: Files;
  readonly #state: StateStore;
  readonly #content: ContentStore;
  readonly #codec: Codec;
  readonly #kernel: Pick<Kernel, "alive">;
  readonly #snapshotters: readonly Snapshotter[];
  readonly #paths: StatePaths;
  readonly #options: StoreCheckOptions;
  #found: StoreProblem[] = [];

  constructor(
    files: Files,
    state: StateStore,
    content: ContentStore,
    codec: Codec,
    kernel: Pick<Kernel, "alive">,
    snapshotters: readonly Snapshotter[],
    paths: StatePaths,
    options: StoreCheckOptions,
  ) {
    this.#files = files;
    this.#state = state;
    this.#content = content;
    this.#codec = codec;
    this.#kernel = kernel;
    this.#snapshotters = snapshotters;
    this.#paths = paths;
    this.#options = options;
  }

  /** Everything that is wrong, in no particular order; empty where all is well. */
  async run(): Promise<StoreProblem[]> {
    this.#found = [];
    const all = this.#state.read(everything);
    this.#names(all);
    this.#images(all);
    this.#manifests(all);
    await this.#blobs(all);
    await this.#layers(all);
    this.#snapshots(all);
    this.#containers(all);
    this.#secrets(all);
    this.#intents(all);
    this.#strays(all);
    return this.#found;
  }

  #say(severity: StoreProblem["severity"], subject: string, reason: string): void {
    this.#found.push({ severity, subject, reason });
  }

  #names({ image, tag }: All): void {
    const ids = new Set(image.map(({ id }) => id));
    for (const one of tag) {
      for (const imageId of imagesOfTag(one).filter((id) => !ids.has(id))) {
        this.#say("damage", `tag ${one.reference}`, `there is no image ${imageId}`);
      }
    }
  }

  #images({ image, blob, layer, tag }: All): void {
    const blobs = new Set(blob.map(({ digest }) => digest));
    const layers = new Set(layer.map(({ diffId }) => diffId));
    for (const one of image) {
      const tops = tag
        .filter((each) => imagesOfTag(each).includes(one.id))
        .map(({ digest }) => digest);
      for (const digest of [...imageBlobs(one), ...tops]) {
        if (!blobs.has(digest))
          this.#say("damage", `image ${one.id}`, `its blob ${digest} is gone`);
      }
      for (const diffId of one.config.rootfs.diff_ids) {
        if (!layers.has(diffId))
          this.#say("damage", `image ${one.id}`, `its layer ${diffId} is gone`);
      }
    }
  }

  /** Artifacts, indexes that were made here, and what they name. */
  #manifests({ artifact, index, manifest, blob, layer, needed }: All): void {
    const blobs = new Set(blob.map(({ digest }) => digest));
    const known = new Set([...blobs, ...layer.map(({ diffId }) => diffId)]);
    for (const [kind, records] of [["artifact", artifact] as const, ["index", index] as const]) {
      for (const { reference, digest } of records) {
        if (blobs.has(digest)) continue;
        this.#say("damage", `${kind} ${reference}`, `its blob ${digest} is gone`);
      }
    }
    for (const { digest, blobs: named, manifests } of manifest) {
      // What nothing leads to any more goes with the next prune.
      if (!needed.has(digest)) continue;
      for (const gone of [...named, ...manifests].filter((one) => !known.has(one))) {
        this.#say("damage", `manifest ${digest}`, `its blob ${gone} is gone`);
      }
    }
  }

  /** What a file that is not as recorded means. */
  #wrong(record: { readonly durable: boolean; readonly bootId: string }, needed: boolean) {
    if (!record.durable && record.bootId !== this.#options.bootId) return "torn";
    return needed ? "damage" : "leftover";
  }

  async #blobs({ blob, needed }: All): Promise<void> {
    for (const record of blob) {
      const { digest, sizeBytes } = record;
      const wrong = this.#wrong(record, needed.has(digest));
      const found = this.#content.sizeBytes(digest);
      if (found !== sizeBytes) {
        this.#say(wrong, `blob ${digest}`, `${found ?? "no"} bytes instead of ${sizeBytes}`);
      } else if (!(await this.#hashes(this.#paths.blob(digest), digest))) {
        this.#say(wrong, `blob ${digest}`, "it has another digest");
      }
    }
  }

  async #layers({ layer, image }: All): Promise<void> {
    const needed = new Set(image.flatMap((one) => one.config.rootfs.diff_ids));
    for (const record of layer) {
      const { diffId, tarBytes } = record;
      const wrong = this.#wrong(record, needed.has(diffId));
      const tar = this.#paths.layerTar(diffId);
      const found = this.#files.status(tar)?.sizeBytes;
      if (found !== tarBytes) {
        this.#say(wrong, `layer ${diffId}`, `${found ?? "no"} bytes instead of ${tarBytes}`);
      } else if (!this.#files.status(this.#paths.layerIndex(diffId))) {
        this.#say(wrong, `layer ${diffId}`, "its index is gone");
      } else if (!(await this.#hashes(tar, diffId))) {
        this.#say(wrong, `layer ${diffId}`, "it has another digest");
      }
    }
  }

  async #hashes(path: string, digest: string): Promise<boolean> {
    if (!this.#options.digests) return true;
    const hasher = this.#codec.hasher(digest.startsWith("sha512:") ? "sha512" : "sha256");
    for await (const chunk of contents(await this.#files.open(path))) hasher.update(chunk);
    return hasher.digest() === digest;
  }

  /** A snapshot that is gone is made anew when its image is used. */
  #snapshots({ snapshot, image }: All): void {
    const needed = new Set(image.map(({ chainIds }) => chainIds.at(-1)));
    for (const { key, snapshotter, chainId } of snapshot) {
      const owner = this.#snapshotters.find(({ name }) => name === snapshotter);
      if (owner && !needed.has(chainId) && !owner.has(chainId))
        this.#say("leftover", `snapshot ${key}`, "nothing is there");
    }
  }

  #containers({ container, image, volume }: All): void {
    const images = new Set(image.map(({ id }) => id));
    const volumes = new Set(volume.map(({ name }) => name));
    for (const { id, name, imageId, status, mounts } of container) {
      for (const gone of volumesOf(mounts).filter((one) => !volumes.has(one))) {
        this.#say("damage", `container ${id}`, `its volume ${gone} is gone`);
      }
      const named = this.#state.read((t) => t.get("name", name));
      if (named?.containerId !== id)
        this.#say("damage", `container ${id}`, "its name is not its own");
      if (imageId !== undefined && !images.has(imageId)) {
        this.#say("damage", `container ${id}`, `its image ${imageId} is gone`);
      }
      const { upper } = this.#paths.container(id);
      if (this.#files.status(upper) || ["removing", "dead"].includes(status)) continue;
      const severity = status === "created" ? "leftover" : "damage";
      this.#say(severity, `container ${id}`, "its storage layer is gone");
    }
  }

  #secrets({ secret }: All): void {
    for (const { id, name, sizeBytes } of secret) {
      const found = this.#files.status(this.#paths.secret(id))?.sizeBytes;
      if (found === sizeBytes) continue;
      this.#say("damage", `secret ${name}`, `${found ?? "no"} bytes instead of ${sizeBytes}`);
    }
  }

  #intents({ intent }: All): void {
    for (const { id, process } of intent) {
      const alive = this.#kernel.alive({ pid: process.pid, startTime: BigInt(process.startTime) });
      if (!alive) this.#say("leftover", `intent ${id}`, "its process is gone");
    }
  }

  /** Files that no record names. */
  #strays(all: All): void {
    const blobs = new Set(all.blob.map(({ digest }) => this.#paths.blob(digest)));
    const layers = new Set(
      all.layer.flatMap(({ diffId }) => [
        this.#paths.layerTar(diffId),
        this.#paths.layerIndex(diffId),
      ]),
    );
    const containers = new Set(all.container.map(({ id }) => this.#paths.container(id).directory));
    const stray = (directory: string, known: ReadonlySet<string>): void => {
      for (const name of this.#files.list(directory)) {
        const path = `${directory}/${name}`;
        if (!known.has(path)) this.#say("leftover", path, "no record names it");
      }
    };
    for (const algorithm of ["sha256", "sha512"]) stray(`${this.#paths.blobs}/${algorithm}`, blobs);
    stray(this.#paths.layers, layers);
    stray(this.#paths.containers, containers);
    stray(this.#paths.trash, new Set());
    stray(
      this.#paths.volumes,
      new Set(all.volume.map(({ name }) => this.#paths.volume(name).directory)),
    );
    stray(this.#paths.secrets, new Set(all.secret.map(({ id }) => this.#paths.secret(id))));
    for (const { name } of this.#snapshotters) this.#straySnapshots(name, all.snapshot);
  }

  /** A snapshotter names its files after the chain ID; what else it adds is its own. */
  #straySnapshots(snapshotter: string, records: All["snapshot"]): void {
    const hexes = records
      .filter((one) => one.snapshotter === snapshotter)
      .map(({ chainId }) => chainId.slice(chainId.indexOf(":") + 1));
    const directory = this.#paths.snapshots(snapshotter);
    for (const name of this.#files.list(directory)) {
      const temporary = /\.(tmp|partial)$/.test(name);
      // Lower layers of the directory snapshotter have chain IDs that no record has.
      const known = snapshotter !== "erofs" || hexes.some((hex) => name.startsWith(hex));
      if (temporary || !known) this.#say("leftover", `${directory}/${name}`, "no record names it");
    }
  }
}
