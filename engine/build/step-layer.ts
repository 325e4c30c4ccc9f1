// The layer of a RUN: its storage layer, without what was only there to be mounted on.

import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { TarMember } from "@nacre/core/tar-writer.ts";
import { attributesText } from "../roots/changes.ts";
import { layerMembers, type Member } from "../roots/members.ts";
import {
  ownAttributes,
  type StorageNode,
  type StorageTree,
  textBytes,
} from "../roots/storage-tree.ts";
import { parentOf, pathOf } from "./source-tree.ts";

/** Where every container has something mounted. */
const PLACES = ["dev", "proc", "sys", "etc/hosts", "etc/hostname", "etc/resolv.conf"];

/**
 * Members of the layer. `targets`: where the step had mounts of its own; `newest`: the latest time
 * that anything may have, in seconds.
 */
export function* stepMembers(
  tree: ImageTree,
  storage: StorageTree,
  targets: readonly string[],
  newest: number | undefined,
): Generator<Member> {
  const places = new Set<string>();
  const own = targets.map((target) => pathOf(target.replace(/^\/+|\/+$/g, "")));
  for (const path of [...PLACES, ...own]) {
    for (let up = path; up !== ""; up = parentOf(up)) places.add(up);
  }
  const kept = withoutPlaces(tree, storage, "", places);
  for (const member of layerMembers(tree, kept))
    yield { ...member, header: notAfter(member.header, newest) };
}

/** Paths of what lies below and is deleted, or hidden by what stands in its place; `before` is so already. */
export function gonePaths(storage: StorageTree, before: readonly string[]): string[] {
  const all = new Set(before);
  const look = (tree: StorageTree, directory: string): void => {
    for (const [name, { whiteout, opaque, children }] of tree) {
      const path = directory === "" ? name : `${directory}/${name}`;
      if (whiteout || opaque) all.add(path);
      else look(children, path);
    }
  };
  look(storage, "");
  const isBelow = (path: string): boolean => {
    for (let up = parentOf(path); up !== ""; up = parentOf(up)) if (all.has(up)) return true;
    return false;
  };
  return [...all].filter((path) => !isBelow(path));
}

/** With SOURCE_DATE_EPOCH: seconds since the epoch that no time in the image is later than. */
export function notAfter(header: TarMember, newest: number | undefined): TarMember {
  if (newest === undefined || header.mtimeSeconds < newest) return header;
  return { ...header, mtimeSeconds: newest, mtimeNanoseconds: 0 };
}

function withoutPlaces(
  tree: ImageTree,
  storage: StorageTree,
  path: string,
  places: ReadonlySet<string>,
): StorageTree {
  if (path !== "" && !places.has(path)) return storage;
  const kept = new Map<string, StorageNode>();
  for (const [name, node] of storage) {
    const own = path === "" ? name : `${path}/${name}`;
    if (!places.has(own) || node.whiteout) {
      kept.set(name, node);
      continue;
    }
    const children = withoutPlaces(tree, node.children, own, places);
    if (!saysNothing(tree, own, node, children)) kept.set(name, { ...node, children });
  }
  return kept;
}

/** Whether it is there, or was copied up, only for what was mounted on it or in it. */
function saysNothing(
  tree: ImageTree,
  path: string,
  { entry, children: all, opaque }: StorageNode,
  children: StorageTree,
): boolean {
  const below = tree.lookup(textBytes(path));
  if (children.size > 0 || entry.sizeBytes > 0 || (opaque && below)) return false;
  if (entry.kind !== "directory") return entry.kind === "file" && below === undefined;
  if (!below) return true;
  const changed =
    below.kind !== "directory" ||
    entry.mode !== below.mode ||
    entry.uid !== below.uid ||
    entry.gid !== below.gid ||
    attributesText(ownAttributes(entry)) !== attributesText(below.xattrs());
  return !changed && all.size > 0;
}
