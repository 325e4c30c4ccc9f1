// What a container has changed of its image, as `docker diff` tells it. Directories are told of for
// what changed in them, too. Of what is gone only the top is told.

import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { LayerEntry } from "@nacre/core/layer-entry.ts";
import type { TreeEntry } from "@nacre/core/ports/files.ts";
import type { Change } from "../archive-interface.ts";
import {
  byteText,
  ownAttributes,
  type StorageNode,
  type StorageTree,
  textBytes,
} from "./storage-tree.ts";

/**
 * What the engine makes in every container's root before its first process runs. Docker has the
 * same in a layer of its own below the container's. Told of only if the container did more to it.
 */
const PLACES: ReadonlySet<string> = new Set([
  ...["dev", "proc", "sys", "etc", "etc/hosts", "etc/hostname", "etc/resolv.conf"],
]);

/** In the order of paths' bytes. */
export function changesOf(tree: ImageTree, storage: StorageTree): Change[] {
  const text = new TextDecoder();
  return within(tree, "", storage, { merged: true, opaque: false }).map(({ kind, path }) => {
    return { kind, path: `/${text.decode(textBytes(path))}` };
  });
}

/** `merged`: the image's directory is seen there, too; `opaque`: it was replaced by an empty one. */
interface Below {
  readonly merged: boolean;
  readonly opaque: boolean;
}

function within(tree: ImageTree, path: string, children: StorageTree, below: Below): Change[] {
  const at = (name: string): string => (path === "" ? name : `${path}/${name}`);
  const found = new Map<string, Change[]>();
  for (const [name, node] of children) {
    const own = at(name);
    const replaced = below.merged ? tree.lookup(textBytes(own)) : undefined;
    found.set(name, changesAt(tree, own, node, replaced));
  }
  if (below.opaque) {
    for (const { pathBytes } of tree.list(textBytes(path)) ?? []) {
      const gone = byteText(pathBytes);
      const name = gone.slice(gone.lastIndexOf("/") + 1);
      if (!found.has(name)) found.set(name, [{ kind: "D", path: gone }]);
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, changes]) => changes);
}

function changesAt(
  tree: ImageTree,
  path: string,
  { entry, children, whiteout, opaque }: StorageNode,
  below: LayerEntry | undefined,
): Change[] {
  if (whiteout) return below ? [{ kind: "D", path }] : [];
  const merged = entry.kind === "directory" && below?.kind === "directory";
  const inside = within(tree, path, children, { merged, opaque: merged && opaque });
  if (isPlace(path, entry, below) && inside.length === 0) return [];
  if (!below) return [{ kind: "A", path }, ...inside];
  const same = merged && inside.length === 0 && !differs(entry, below, holdsPlaces(path, children));
  return same ? [] : [{ kind: "C", path }, ...inside];
}

/** Whether it is there only because something was to be mounted on it. */
function isPlace(path: string, entry: TreeEntry, below: LayerEntry | undefined): boolean {
  return below === undefined && PLACES.has(path) && entry.sizeBytes === 0;
}

function holdsPlaces(path: string, children: StorageTree): boolean {
  return [...children.keys()].some((name) => PLACES.has(`${path}/${name}`));
}

/** Of a directory that was copied up, perhaps only for the sake of what lies in it. */
function differs(entry: TreeEntry, below: LayerEntry, ignoreTime: boolean): boolean {
  const time =
    entry.mtimeSeconds !== below.mtimeSeconds || entry.mtimeNanoseconds !== below.mtimeNanoseconds;
  return (
    entry.mode !== below.mode ||
    entry.uid !== below.uid ||
    entry.gid !== below.gid ||
    (time && !ignoreTime) ||
    attributesText(ownAttributes(entry)) !== attributesText(below.xattrs())
  );
}

/** To compare by: in the order in which they are given. */
export function attributesText(
  all: readonly { readonly name: string; readonly value: Uint8Array }[],
) {
  return JSON.stringify(all.map(({ name, value }) => [name, byteText(value)]));
}
