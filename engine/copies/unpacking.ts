// A tar as a program that unpacks it into a directory of somebody's root. Every name is resolved
// within that root, each time: whatever changes meanwhile, nothing outside of it is reached
// (CVE-2018-15664, CVE-2019-14271).

import { NacreError } from "@nacre/core/error.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { LayerEntry } from "@nacre/core/layer-entry.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { ownedByRoot, withOwner } from "@nacre/core/program/outside.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { attributesOf, mtimeOf, placeEntry } from "../snapshotters/layer-program.ts";
import { portable } from "./tree-archive.ts";

export interface Unpacking {
  /** The name of the root. */
  readonly root: string;
  /** In the root, without links. */
  readonly directory: string;
  /** Who all of it is to belong to; absent: as the tar says. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Whom IDs of the tar are on the machine; absent: the same. */
  readonly users?: UserMaps;
}

/** `tree`: the tar's index alone. */
export function unpackProgram(
  title: string,
  tree: ImageTree,
  tar: StoredLayer,
  { root, directory, owner, users }: Unpacking,
): KernelProgram {
  const host: Operation[] = [
    { op: "openRoot", path: root, why: "so that no name of the tar leads out of the container" },
  ];
  const at = (bytes: Uint8Array): string => (directory === "" ? "" : `${directory}/`) + text(bytes);
  const times: Operation[] = [];
  for (const entry of unpacked(tree)) {
    const path = at(entry.pathBytes);
    host.push(
      entry.kind === "hard-link"
        ? { op: "placeHardLink", path, existing: at(entry.targetBytes) }
        : { ...placeEntry(entry, path, [tar]), ...owner },
      ...portableOf(entry, path),
    );
    if (entry.kind === "directory") times.push({ op: "placeTimes", path, mtime: mtimeOf(entry) });
  }
  // Last, for what is put into a directory changes its time.
  const all = [...host, ...times.reverse()];
  return { title, host: users ? ownedInside(all, users) : all };
}

/** NacreError `invalid` for an ID that nobody has in the container. */
function ownedInside(host: readonly Operation[], users: UserMaps): Operation[] {
  return [ownedByRoot(users), ...host.map((operation) => withOwner(operation, users))];
}

/** Directories that the tar does not list come into being as they are needed, and else stay as they are. */
export function* unpacked(tree: ImageTree): Generator<LayerEntry> {
  for (const entry of tree.layerEntries(0)) {
    if (entry.path !== "" && !entry.implicit) yield entry;
  }
}

function portableOf(entry: LayerEntry, path: string): Operation[] {
  const names = new Set(portable(entry.xattrs()).map(({ name }) => name));
  return attributesOf(entry, path).filter((o) => o.op === "placeAttribute" && names.has(o.name));
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Operations carry names as text. */
function text(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    const shown = JSON.stringify(new TextDecoder().decode(bytes));
    throw new NacreError("unsupported", `the name ${shown} is not UTF-8`, {
      advice: "Copy it under another name.",
    });
  }
}
