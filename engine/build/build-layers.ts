// Layers of a build and the roots that they make together: what is stored, looked into, and mounted.

import type { Core } from "@nacre/core/core.ts";
import { chainIds } from "@nacre/core/digest.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import { type Descriptor, type ImageProcess, MEDIA, type Platform } from "@nacre/core/oci/image.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import { readAccounts } from "../images/accounts.ts";
import type { ImageService } from "../images/images.ts";
import type { LayerStore } from "../images/layer-store.ts";
import type { LayerMaker } from "../roots/new-layer.ts";
import { mergeLayers } from "../snapshotters/stored-layers.ts";

/** Bottom first. */
export type LayerList = readonly Descriptor[];

/** The diff ID of a layer that says nothing: two blocks of zeros. */
export const EMPTY_LAYER =
  "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
const EMPTY_TAR_BYTES = 1024;

export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

/** A root, and the layers in which the contents of its files are. */
export interface MergedLayers {
  readonly tree: ImageTree;
  readonly layers: readonly StoredLayer[];
}

export class BuildLayers {
  readonly #core: () => Core;
  readonly #files: Files;
  readonly #images: ImageService;
  readonly #store: LayerStore;
  readonly #maker: LayerMaker;
  /** The last few roots by their layers, since each keeps its tree in memory. */
  readonly #roots = new Map<string, readonly StoredLayer[]>();
  readonly #accounts = new Map<string, Promise<Accounts>>();
  readonly #chains = new Map<string, string>();
  /** Layers that were found whole: while the build runs nobody takes them for rubbish. */
  readonly #whole = new Map<string, StoredLayer>();
  #fork: Core | undefined;

  constructor(
    core: () => Core,
    files: Files,
    images: ImageService,
    store: LayerStore,
    maker: LayerMaker,
  ) {
    this.#core = core;
    this.#files = files;
    this.#images = images;
    this.#store = store;
    this.#maker = maker;
  }

  /** For digests of a few bytes: it is theirs until the build ends. */
  get arena(): Core {
    this.#fork ??= this.#core().fork();
    return this.#fork;
  }

  /** Stores a tar as a layer that is its own blob. */
  async make(tar: AsyncIterable<Uint8Array>): Promise<string> {
    return (await this.#maker.keep(tar)).diffId;
  }

  /** The layer that says nothing. */
  async empty(): Promise<string> {
    if (!(await this.intact(EMPTY_LAYER))) await this.make(emptyTar());
    return EMPTY_LAYER;
  }

  /** One that is here and whole. */
  async intact(diffId: string): Promise<boolean> {
    if (this.#whole.has(diffId)) return true;
    const layer = await this.#store.intact(diffId);
    if (layer) this.#whole.set(diffId, layer);
    return layer !== undefined;
  }

  /** As a manifest names a layer that was built here. */
  descriptor(diffId: string): Descriptor {
    return { mediaType: MEDIA.ociLayer, digest: diffId, size: this.sizeBytes(diffId) };
  }

  sizeBytes(diffId: string): number {
    return (this.#whole.get(diffId) ?? this.#store.stored(diffId)).tarBytes;
  }

  stored(diffIds: readonly string[]): StoredLayer[] {
    // Forty steps that wrote nothing are one layer forty times.
    const others = [...new Set(diffIds)].filter((diffId) => !this.#whole.has(diffId));
    const found = new Map(this.#whole);
    for (const layer of this.#store.allStored(others)) found.set(layer.diffId, layer);
    return diffIds.map((diffId) => found.get(diffId) as StoredLayer);
  }

  /** What a root is, by its layers; those that say nothing make no difference. */
  chainId(diffIds: readonly string[]): string {
    const shown = diffIds.filter((diffId) => diffId !== EMPTY_LAYER);
    const key = shown.join(" ");
    let chainId = this.#chains.get(key);
    if (chainId === undefined) {
      chainId = chainIds(this.arena, shown.length > 0 ? shown : [EMPTY_LAYER]).at(-1) ?? "";
      this.#chains.set(key, chainId);
    }
    return chainId;
  }

  /** What a root is, for whoever looks paths up in it. */
  async tree(diffIds: readonly string[]): Promise<ImageTree> {
    return (await this.merged(diffIds)).tree;
  }

  /** The same with the layers that its entries count by: those that say nothing are none of them. */
  async merged(diffIds: readonly string[]): Promise<MergedLayers> {
    const shown = await this.#shown(diffIds);
    const layers = this.#root(shown);
    return { tree: mergeLayers(this.#core, this.#files, layers), layers };
  }

  /** /etc/passwd and /etc/group of a root. */
  async accounts(diffIds: readonly string[]): Promise<Accounts> {
    const shown = await this.#shown(diffIds);
    const key = shown.join(" ");
    let found = this.#accounts.get(key);
    if (!found) {
      found = readAccounts(this.#core, this.#files, this.#root(shown));
      this.#accounts.set(key, found);
    }
    return found;
  }

  /** A root made ready to be mounted, as an image that a container can have. */
  async root(
    diffIds: readonly string[],
    platform: Platform,
    process: ImageProcess = {},
  ): Promise<ImageRecord> {
    const shown = await this.#shown(diffIds);
    const chainId = this.chainId(shown);
    await this.#images.prepareRoot(chainId, this.#root(shown));
    const accounts = await this.accounts(shown);
    return {
      ...{ id: "", manifestDigest: "", manifestMediaType: "", layers: [], chainIds: [chainId] },
      config: { ...platform, config: process, rootfs: { type: "layers", diff_ids: shown } },
      ...{ sizeBytes: 0, pulledMs: 0, ...accounts },
    };
  }

  /** One list for one root, so that its layers are merged once. */
  #root(shown: readonly string[]): readonly StoredLayer[] {
    const key = shown.join(" ");
    const known = this.#roots.get(key);
    if (known) return known;
    const root = this.stored(shown);
    const [oldest] = this.#roots.keys();
    if (this.#roots.size >= 4 && oldest !== undefined) this.#roots.delete(oldest);
    this.#roots.set(key, root);
    return root;
  }

  /** Without layers that say nothing; at least one. */
  async #shown(diffIds: readonly string[]): Promise<readonly string[]> {
    const shown = diffIds.filter((diffId) => diffId !== EMPTY_LAYER);
    if (shown.length > 0) return shown;
    return [await this.empty()];
  }
}

async function* emptyTar(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(EMPTY_TAR_BYTES);
}
