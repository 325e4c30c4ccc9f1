// Layers merged into the tree that a container sees: headers of core/assembly/layers.ts and, for
// the image, of core/assembly/erofs.ts.

import { placeBytes, readFields } from "./boundary.ts";
import type { Core } from "./core.ts";
import { NacreError } from "./error.ts";
import { decodeRows, type EntryKind, entryKind, LayerEntry } from "./layer-entry.ts";
import { layerError, names } from "./layer-fault.ts";

export interface Layer {
  /** What `LayerIndexer.finish` gave. */
  readonly index: Uint8Array;
  /** `sha256:` and 64 hex digits of the tar. */
  readonly diffId: string;
  /** Size of the tar; the index must agree. */
  readonly tarBytes: number;
}

/** What one layer says of a path. */
export interface PathVersion {
  readonly layer: number;
  readonly kind: EntryKind;
  /** Bytes of a file in the layer's tar; 0 for anything else. */
  readonly size: number;
}

export interface LayerSize {
  /** Bytes of all files of the layer. */
  readonly bytes: number;
  /** Of these, bytes of files that no later layer replaces or removes. */
  readonly seenBytes: number;
}

/** Bytes of a layer's tar that belong at offset `at` of the spill. */
export interface SpillCopy {
  readonly layer: number;
  readonly offset: number;
  readonly size: number;
  readonly at: number;
}

export interface ErofsImage {
  /** To be mounted with `device=` each layer's tar, bottom first, and then the spill, if any. */
  readonly image: Uint8Array<ArrayBuffer>;
  /**
   * What is to be copied to one more file, `spillBytes` long and zero elsewhere: contents that
   * the kernel could not show from their tar. Empty in nearly all images.
   */
  readonly spill: readonly SpillCopy[];
  readonly spillBytes: number;
}

const BATCH_BYTES = 1 << 18;
const INDEX_MINIMUM = 24;
const TAR_BYTES = 16;
const encoder = new TextEncoder();

/** Immutable. Layers count from 0, the bottom one. */
export class ImageTree {
  readonly #core: Core;
  readonly #tree: number;
  readonly #layers: readonly Layer[];
  #batch = 0;

  private constructor(core: Core, tree: number, layers: readonly Layer[]) {
    this.#core = core;
    this.#tree = tree;
    this.#layers = layers;
  }

  /**
   * Merges layers, bottom first. The tree lives as long as `core`.
   * @throws NacreError `corrupt` for an index that is damaged or of another tar, `invalid` for
   *   layers that do not fit one another, `unsupported` past a limit
   */
  static merge(core: Core, layers: readonly Layer[]): ImageTree {
    const { alloc, layersNew, layersAdd, layersFinish } = core.exports;
    const tree = layersNew!();
    layers.forEach(({ index, diffId, tarBytes }, number) => {
      const pointer = alloc!(index.length);
      core.view(pointer, index.length).set(index);
      const fault = layersAdd!(tree, pointer, index.length);
      if (fault !== 0) throw layerError(fault, culprit(core, tree, number, diffId));
      const indexed = tarBytesOf(index);
      if (indexed !== tarBytes) {
        const message = `the index of layer ${number} (${diffId}) is of a tar of ${indexed} bytes, not of ${tarBytes}`;
        throw new NacreError("corrupt", message, { advice: "Pull the image again." });
      }
    });
    layersFinish!(tree);
    return new ImageTree(core, tree, layers);
  }

  /**
   * What is at `path`, or undefined. Symlinks lead on inside the root; one at the end only with
   * `follow`. A file with several names shows as a hard link at all of them but one.
   */
  lookup(path: string | Uint8Array, follow = false): LayerEntry | undefined {
    const node = this.#find(path, follow);
    return node === 0 ? undefined : this.#row(node);
  }

  /** What the directory at `path` holds, sorted by bytes; undefined where there is none. */
  list(path: string | Uint8Array): Iterable<LayerEntry> | undefined {
    const node = this.#find(path, true);
    if (node === 0 || this.#row(node).kind !== "directory") return undefined;
    const { layersList } = this.#core.exports;
    return this.#walk((from, to) => layersList!(this.#tree, node, from, to, BATCH_BYTES));
  }

  /** The whole tree, each directory before what it holds, the root first. */
  entries(): Iterable<LayerEntry> {
    const { layersWalk } = this.#core.exports;
    return this.#walk((from, to) => layersWalk!(this.#tree, from, to, BATCH_BYTES));
  }

  /**
   * What layer `layer` says by itself, in an order fit for unpacking it into a directory of its
   * own: directories before what they hold, a file before its hard links. Directories that the
   * layer only passes through come too, with what lower layers say of them (`inherited`), and a
   * hard link to a lower layer's file comes as the file, its bytes in that layer's tar.
   * Whiteouts and `opaque` directories are left out where lower layers have nothing to hide.
   */
  layerEntries(layer: number): Iterable<LayerEntry> {
    const { layersOwn } = this.#core.exports;
    if (layer >= this.#layers.length) return [];
    return this.#walk((from, to) => layersOwn!(this.#tree, layer, from, to, BATCH_BYTES));
  }

  /** What each layer says of a path, newest first; empty for a path that none has. */
  layersOf(path: string | Uint8Array): PathVersion[] {
    return this.#history(path).map(({ version }) => version);
  }

  /** What lower layers have at `path` that a later layer replaced or removed, newest first. */
  hides(path: string | Uint8Array): PathVersion[] {
    return this.#history(path)
      .filter(({ shown, version }) => !shown && version.kind !== "whiteout")
      .map(({ version }) => version);
  }

  layerSizes(): LayerSize[] {
    const { layersSizes } = this.#core.exports;
    const to = this.#core.exports.alloc!(this.#layers.length * 16);
    const count = layersSizes!(this.#tree, to);
    const sizes = new Float64Array(this.#core.exports.memory.buffer, to, count * 2);
    return this.#layers.map((_, n) => ({ bytes: sizes[n * 2]!, seenBytes: sizes[n * 2 + 1]! }));
  }

  /** Bytes of files that are in the layers, and that no container sees. */
  wastedBytes(): number {
    return this.layerSizes().reduce((sum, { bytes, seenBytes }) => sum + bytes - seenBytes, 0);
  }

  /**
   * The image to mount. The same layers give the same bytes.
   * @throws NacreError `unsupported` for more than a GiB of metadata
   */
  erofs(): ErofsImage {
    const { alloc, erofsBuild, erofsImage, erofsImageSize, erofsCopies, erofsCopiesCount } =
      this.#core.exports;
    const ids = alloc!(this.#layers.length * 64);
    const hex = this.#layers.map(({ diffId }) => diffId.slice(diffId.indexOf(":") + 1));
    const digits = hex.map((id) => id.slice(0, 64).padEnd(64, "0")).join("");
    encoder.encodeInto(digits, this.#core.view(ids, this.#layers.length * 64));
    const fault = erofsBuild!(this.#tree, ids);
    if (fault !== 0) throw layerError(fault, "the image");
    const image = this.#core.view(erofsImage!(this.#tree), erofsImageSize!(this.#tree)).slice();
    const count = erofsCopiesCount!(this.#tree);
    const view = new DataView(
      this.#core.exports.memory.buffer,
      erofsCopies!(this.#tree),
      count * 32,
    );
    const spill = Array.from({ length: count }, (_, n) => ({
      layer: view.getUint32(n * 32, true),
      offset: view.getFloat64(n * 32 + 8, true),
      size: view.getFloat64(n * 32 + 16, true),
      at: view.getFloat64(n * 32 + 24, true),
    }));
    return { image, spill, spillBytes: this.#core.exports.erofsSpillSize!(this.#tree) };
  }

  #find(path: string | Uint8Array, follow: boolean): number {
    const { pointer, length } = placeBytes(this.#core, bytesOf(path));
    return this.#core.exports.layersFind!(this.#tree, pointer, length, follow ? 1 : 0);
  }

  #row(node: number): LayerEntry {
    const to = this.#buffer();
    const size = this.#core.exports.layersRow!(this.#tree, node, to);
    const row = this.#core.view(to, size).slice();
    return new LayerEntry(this.#core, new DataView(row.buffer));
  }

  *#walk(next: (from: number, to: number) => number): Generator<LayerEntry> {
    const { layersCursor } = this.#core.exports;
    let from = 0;
    do {
      const to = this.#buffer();
      const size = next(from, to);
      from = layersCursor!();
      yield* decodeRows(this.#core, this.#core.view(to, size).slice());
    } while (from !== 0);
  }

  #history(path: string | Uint8Array): { shown: boolean; version: PathVersion }[] {
    const { pointer, length } = placeBytes(this.#core, bytesOf(path));
    const to = this.#buffer();
    const { layersHistory } = this.#core.exports;
    const count = layersHistory!(this.#tree, pointer, length, to, BATCH_BYTES);
    const view = new DataView(this.#core.exports.memory.buffer, to, count * 16);
    return Array.from({ length: count }, (_, n) => ({
      shown: view.getUint8(n * 16 + 5) === 1,
      version: {
        layer: view.getUint32(n * 16, true),
        kind: entryKind(view.getUint8(n * 16 + 4)),
        size: view.getFloat64(n * 16 + 8, true),
      },
    }));
  }

  #buffer(): number {
    if (this.#batch === 0) this.#batch = this.#core.exports.alloc!(BATCH_BYTES);
    return this.#batch;
  }
}

function bytesOf(path: string | Uint8Array): Uint8Array {
  return typeof path === "string" ? encoder.encode(path) : path;
}

/** What the index says of the size of its tar: header of core/assembly/layer-index.ts. */
function tarBytesOf(index: Uint8Array): number {
  if (index.length < INDEX_MINIMUM) return -1;
  return new DataView(index.buffer, index.byteOffset).getFloat64(TAR_BYTES, true);
}

/** Names the entry at which merging a layer failed. */
function culprit(core: Core, tree: number, layer: number, diffId: string): string {
  const { layersCulprit, layersHeap } = core.exports;
  const record = layersCulprit!(tree);
  const where = `layer ${layer} (${diffId})`;
  if (record === 0) return where;
  const [offset = 0, size = 0] = readFields(core, record, 2);
  const path = core.view(layersHeap!(tree, layer) + offset, size);
  return `${JSON.stringify(names.decode(path))} in ${where}`;
}
