// Layers as the layer store left them, for both snapshotters.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { ImageTree } from "@nacre/core/image-tree.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";

/**
 * Whether each tar is there in its full size. The kernel checks nothing: over a tar that is
 * shorter, or another one, it shows garbage without a word. NacreError `corrupt`.
 */
export function requireTars(files: Files, layers: readonly StoredLayer[]): void {
  for (const { diffId, tarPath, tarBytes } of layers) {
    const found = files.status(tarPath)?.sizeBytes;
    if (found === tarBytes) continue;
    const state = found === undefined ? "is missing" : `has ${found} bytes instead of ${tarBytes}`;
    throw new NacreError("corrupt", `the tar of layer ${diffId} ${state}`, {
      operation: `stat ${tarPath}`,
      advice: "Pull the image again.",
    });
  }
}

/** Trees that were made, each as long as somebody has the list of its layers. */
const trees = new WeakMap<readonly StoredLayer[], ImageTree>();

/**
 * The tree of all layers, bottom first, in an arena of its own. Whoever asks twice for the same list
 * gets the same tree: a root is made of it, and its accounts are looked up in it.
 */
export function mergeLayers(
  core: () => Core,
  files: Files,
  layers: readonly StoredLayer[],
): ImageTree {
  const known = trees.get(layers);
  if (known) return known;
  const tree = ImageTree.merge(
    core().fork(),
    layers.map(({ diffId, indexPath, tarBytes }) => ({
      diffId,
      tarBytes,
      index: files.readBytes(indexPath),
    })),
  );
  trees.set(layers, tree);
  return tree;
}
