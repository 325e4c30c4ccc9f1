// What an EROFS mount of an image shows, read from the layers themselves: a tar is a device of the
// mount, its index says what is in it, and the core merges them. The metadata image is made from
// the same merge, so that it need not be parsed; nor is its spill needed, which only holds what a
// kernel could not map from a tar.

import type { Core } from "@nacre/core/core.ts";
import { ImageTree } from "@nacre/core/image-tree.ts";
import type { EntryKind, LayerEntry, Segment } from "@nacre/core/layer-entry.ts";
import type { ImageFiles, TreeNode, TreeResolver } from "./erofs.ts";
import { fail } from "./errno.ts";
import type { InodeKind } from "./inode.ts";

export interface LayerSource {
  readonly core: () => Core;
  /** The index of a layer by the path of its tar; undefined for a device that is no layer. */
  readonly indexOf: (tarPath: string) => Uint8Array | undefined;
}

const KINDS: Readonly<Record<EntryKind, InodeKind>> = {
  file: "file",
  directory: "directory",
  symlink: "symlink",
  "hard-link": "file",
  "character-device": "character",
  "block-device": "block",
  fifo: "fifo",
  whiteout: "character",
};

type ReadTar = (offset: number, length: number) => Uint8Array;

/** A range of a file whose bytes lie in a tar, with zeros where it is sparse. */
function readSegments(
  segments: readonly Segment[],
  size: number,
  read: ReadTar,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const end = Math.min(offset + length, size);
  const bytes = new Uint8Array(Math.max(0, end - offset));
  for (const segment of segments) {
    const from = Math.max(offset, segment.offset);
    const to = Math.min(end, segment.offset + segment.size);
    if (from >= to) continue;
    bytes.set(read(segment.tarOffset + from - segment.offset, to - from), from - offset);
  }
  return bytes;
}

class LayerTree {
  readonly #tree: ImageTree;
  readonly #files: ImageFiles;
  readonly #tars: readonly string[];
  /** By what is equal for all names of one file. */
  readonly #nodes = new Map<number, TreeNode>();

  constructor(tree: ImageTree, files: ImageFiles, tars: readonly string[]) {
    this.#tree = tree;
    this.#files = files;
    this.#tars = tars;
  }

  root(): TreeNode | undefined {
    const root = this.#tree.lookup("");
    return root && this.#node(root);
  }

  #node(found: LayerEntry): TreeNode {
    const known = this.#nodes.get(found.identity);
    if (known) return known;
    const linked = found.kind === "hard-link" ? this.#tree.lookup(found.targetBytes) : undefined;
    const entry = linked ?? found;
    const kind = KINDS[entry.kind];
    const node: TreeNode = {
      kind,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      mtime: { seconds: entry.mtimeSeconds, nanoseconds: entry.mtimeNanoseconds },
      device: { major: entry.deviceMajor, minor: entry.deviceMinor },
      attributes: new Map(entry.xattrs().map(({ name, value }) => [name, value])),
      ...(kind === "directory" && { entries: () => this.#entries(entry.pathBytes) }),
      ...(kind === "symlink" && { text: entry.target }),
      ...(kind === "file" && this.#content(entry)),
    };
    this.#nodes.set(found.identity, node);
    return node;
  }

  *#entries(path: Uint8Array): Generator<readonly [string, TreeNode]> {
    for (const entry of [...(this.#tree.list(path) ?? [])]) {
      yield [entry.path.slice(entry.path.lastIndexOf("/") + 1), this.#node(entry)];
    }
  }

  #content(entry: LayerEntry): Pick<TreeNode, "size" | "read"> {
    const { size } = entry;
    const tar = this.#tars[entry.layer ?? 0] ?? fail("EIO");
    const segments = entry.segments();
    const read: ReadTar = (offset, length) => this.#files.read(tar, offset, length);
    return { size, read: (offset, length) => readSegments(segments, size, read, offset, length) };
  }
}

/** How many images' merged trees are kept for their next mount. */
const MOST_KEPT = 8;

/**
 * Shows the layers that a mount names as its devices, bottom first. A layer's tar is named after
 * its content, so that the tree of the same devices is the same tree.
 */
export function layerTrees({ core, indexOf }: LayerSource): TreeResolver {
  const kept = new Map<string, TreeNode | undefined>();
  const merged = (files: ImageFiles): TreeNode | undefined => {
    const layers = files.devices.flatMap((path) => {
      const index = indexOf(path);
      return index ? [{ path, index, diffId: path, tarBytes: files.size(path) }] : [];
    });
    if (layers.length === 0) return undefined;
    const tree = ImageTree.merge(core().fork(), layers);
    return new LayerTree(
      tree,
      files,
      layers.map(({ path }) => path),
    ).root();
  };
  return (files) => {
    const key = files.devices.join("\n");
    const root = kept.has(key) ? kept.get(key) : merged(files);
    // In again as the latest.
    kept.delete(key);
    kept.set(key, root);
    for (const oldest of kept.keys()) {
      if (kept.size <= MOST_KEPT) break;
      kept.delete(oldest);
    }
    return root;
  };
}
