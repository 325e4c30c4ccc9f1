// What an image has at a place, as a program that fills a volume's directory with it.
//
// Names are looked up in the merged index of the image's layers, not in a file system: a symlink
// leads on inside the image or nowhere (CVE-2022-23648), and no name is resolved twice. The bytes
// come from the layers' tars.

import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { LayerEntry } from "@nacre/core/layer-entry.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { attributesOf, mtimeOf, nameOf, placeEntry } from "../snapshotters/layer-program.ts";

/** Undefined where the image has no directory at `path`. `target`: an empty directory. */
export function copyUpProgram(
  tree: ImageTree,
  path: string,
  layers: readonly StoredLayer[],
  target: string,
): KernelProgram | undefined {
  const top = tree.lookup(path, true);
  if (top?.kind !== "directory") return undefined;
  const from = nameOf(top.pathBytes);
  const host: Operation[] = [
    { op: "openRoot", path: target, why: "so that no name of the image leads out of the volume" },
  ];
  const times: Operation[] = [];
  const links = new Map<number, string>();
  for (const entry of tree.entries()) {
    const name = below(from, nameOf(entry.pathBytes));
    if (name === undefined) continue;
    host.push(...copied(tree, entry, name, layers, links));
    if (entry.kind === "directory") {
      times.push({ op: "placeTimes", path: name, mtime: mtimeOf(entry) });
    }
  }
  // Last, for what is put into a directory changes its time.
  host.push(...times.reverse());
  return { title: `fill a volume with what the image has at ${path}`, host };
}

/** `name` relative to `directory`; undefined if it does not lie in it. */
function below(directory: string, name: string): string | undefined {
  if (name === directory || directory === "") return name.slice(directory.length);
  return name.startsWith(`${directory}/`) ? name.slice(directory.length + 1) : undefined;
}

/** The first name of a file within the volume gets its bytes, whichever name the image has them at. */
function copied(
  tree: ImageTree,
  entry: LayerEntry,
  name: string,
  layers: readonly StoredLayer[],
  links: Map<number, string>,
): Operation[] {
  const existing = links.get(entry.identity);
  if (existing !== undefined) return [{ op: "placeHardLink", path: name, existing }];
  const file = entry.kind === "hard-link" ? tree.lookup(entry.targetBytes) : entry;
  if (!file) return [];
  if (file.kind !== "directory") links.set(entry.identity, name);
  return [placeEntry(file, name, layers), ...attributesOf(file, name)];
}
