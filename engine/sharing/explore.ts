// What each layer of an image did to the root below it: added, changed, deleted, and how much of it
// later layers hid again.

import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { LayerEntry } from "@nacre/core/layer-entry.ts";
import type { ImageService } from "../images/images.ts";
import type { ExploredImage, ExploredLayer, LayerChange } from "../sharing-interface.ts";

/** A change that a later layer may still hide. */
type Open = { -readonly [K in keyof LayerChange]: LayerChange[K] };

/** @throws NacreError `not-found` */
export async function exploreImage(
  images: ImageService,
  reference: string,
): Promise<ExploredImage> {
  const { image } = images.get(reference);
  const { layers: reports, wastedBytes } = await images.layers(reference);
  const { tree } = images.root(image);
  /** What is to be seen at a path, by the change that put it there. */
  const visible = new Map<string, Open>();
  const layers = reports.map((report, at): ExploredLayer => {
    const changes = changesOf(tree, at, visible);
    return { number: at + 1, ...report, changes };
  });
  const all = layers.map((layer) => ({
    ...layer,
    hiddenBytes: layer.changes.reduce((sum, { hiddenBy, sizeBytes }) => {
      return hiddenBy === undefined ? sum : sum + sizeBytes;
    }, 0),
  }));
  return { id: image.id, layers: all, wastedBytes };
}

function changesOf(tree: ImageTree, layer: number, visible: Map<string, Open>): Open[] {
  const changes: Open[] = [];
  for (const entry of tree.layerEntries(layer)) {
    if (entry.inherited || entry.implicit || entry.path === "") continue;
    const change = changeOf(entry, visible);
    const gone = entry.kind === "whiteout" || entry.opaque || entry.kind !== "directory";
    if (gone) hideBelow(visible, entry.path, layer + 1);
    const before = visible.get(entry.path);
    if (before && entry.kind !== "directory") before.hiddenBy = layer + 1;
    if (entry.kind === "whiteout") visible.delete(entry.path);
    else visible.set(entry.path, change);
    changes.push(change);
  }
  return changes;
}

function changeOf(entry: LayerEntry, visible: ReadonlyMap<string, Open>): Open {
  const { path, kind, mode } = entry;
  const what = kind === "whiteout" ? "deleted" : visible.has(path) ? "changed" : "added";
  const sizeBytes = kind === "file" ? entry.size : 0;
  return { path: `/${path}`, what, type: kind, mode, sizeBytes };
}

/** Everything in a directory that goes with it. */
function hideBelow(visible: Map<string, Open>, path: string, by: number): void {
  const before = visible.get(path);
  if (before?.type !== "directory") return;
  const prefix = `${path}/`;
  for (const [below, change] of visible) {
    if (!below.startsWith(prefix)) continue;
    change.hiddenBy = by;
    visible.delete(below);
  }
}
