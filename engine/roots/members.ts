// What an archive of a container is made of: of its whole root, or of its storage layer alone.

import { NacreError } from "@nacre/core/error.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { LayerEntry } from "@nacre/core/layer-entry.ts";
import type { TreeEntry } from "@nacre/core/ports/files.ts";
import type { TarMember } from "@nacre/core/tar-writer.ts";
import {
  byteText,
  ownAttributes,
  type StorageNode,
  type StorageTree,
  textBytes,
} from "./storage-tree.ts";

/** Where a file's contents come from: the storage layer, by its path, or layers of the image. */
export type Contents =
  | { readonly from: "storage"; readonly path: Uint8Array }
  | { readonly from: "image"; readonly entry: LayerEntry };

/** A member of an archive to be. A file's other names come as files, too. */
export interface Member {
  readonly header: TarMember;
  readonly contents?: Contents;
  /** Equal for, and only for, names of one file. */
  readonly identity?: string;
}

const NONE: StorageTree = new Map();

/** The whole root as the container sees it, without what is mounted in it; directories first, in the order of bytes. */
export function rootMembers(tree: ImageTree, storage: StorageTree): Iterable<Member> {
  return within(tree, "", true, storage);
}

function* within(
  tree: ImageTree,
  path: string,
  merged: boolean,
  children: StorageTree,
): Generator<Member> {
  const below = new Map<string, LayerEntry>();
  for (const entry of (merged && tree.list(textBytes(path))) || []) {
    const whole = byteText(entry.pathBytes);
    below.set(whole.slice(whole.lastIndexOf("/") + 1), entry);
  }
  for (const name of [...new Set([...below.keys(), ...children.keys()])].sort()) {
    const above = children.get(name);
    const image = below.get(name);
    if (above?.whiteout) continue;
    if (above) yield* storageMember(above.entry);
    else if (image) yield imageMember(image);
    const kind = above ? above.entry.kind : image?.kind;
    if (kind !== "directory") continue;
    const seen = image?.kind === "directory" && above?.opaque !== true;
    yield* within(tree, path === "" ? name : `${path}/${name}`, seen, above?.children ?? NONE);
  }
}

/** The storage layer as a layer of an image: image-spec, layer.md, "Whiteouts". */
export function* layerMembers(tree: ImageTree, storage: StorageTree): Generator<Member> {
  for (const [name, node] of storage) yield* layerMember(tree, name, node);
}

function* layerMember(tree: ImageTree, name: string, node: StorageNode): Generator<Member> {
  const { entry, children, whiteout, opaque } = node;
  if (name.startsWith(".wh.")) throw looksLikeWhiteout(entry);
  const path = byteText(entry.path);
  const parent = path.slice(0, path.length - name.length);
  const below = whiteout || opaque ? tree.lookup(entry.path) : undefined;
  if (whiteout) {
    if (below) yield mark(`${parent}.wh.${name}`, entry);
    return;
  }
  yield* storageMember(entry);
  if (opaque && below?.kind === "directory") yield mark(`${path}/.wh..wh..opq`, entry);
  for (const [inner, child] of children) yield* layerMember(tree, inner, child);
}

/** An empty file that says something of others. */
function mark(path: string, { mtimeSeconds }: TreeEntry): Member {
  const bare = { kind: "file", mode: 0, uid: 0, gid: 0, mtimeSeconds } as const;
  return { header: { path: textBytes(path), ...bare } };
}

/** None for a socket, which belongs to a process and not to a file system. */
export function* storageMember(entry: TreeEntry): Generator<Member> {
  const { kind, path, mode, uid, gid, mtimeSeconds, mtimeNanoseconds, target } = entry;
  if (kind === "socket") return;
  const { sizeBytes, node, inode, links } = entry;
  const attributes = ownAttributes(entry);
  const header: TarMember = {
    ...{ kind, path, mode, uid, gid, mtimeSeconds, mtimeNanoseconds, sizeBytes, attributes },
    ...(kind === "symlink" && { target }),
    ...(node && { node }),
  };
  yield {
    header,
    ...(kind === "file" && { contents: { from: "storage", path } as const }),
    ...(kind !== "directory" && links > 1 && { identity: `storage ${inode}` }),
  };
}

/** A name of several of one file carries what tells that file from others (`identity`). */
export function imageMember(entry: LayerEntry): Member {
  const { pathBytes: path, mode, uid, gid, mtimeSeconds, mtimeNanoseconds } = entry;
  const attributes = entry.xattrs();
  const common = { path, mode, uid, gid, mtimeSeconds, mtimeNanoseconds, attributes };
  const { deviceMajor: major, deviceMinor: minor } = entry;
  switch (entry.kind) {
    case "file":
    case "hard-link": {
      const segments = entry.segments();
      const data = segments.reduce((sum, { size }) => sum + size, 0);
      const header = {
        ...({ ...common, kind: "file", sizeBytes: entry.size } as const),
        ...(data < entry.size && { segments }),
      };
      const identity = entry.links > 1 ? { identity: `image ${entry.identity}` } : {};
      return { header, contents: { from: "image", entry }, ...identity };
    }
    case "symlink":
      return { header: { ...common, kind: entry.kind, target: entry.targetBytes } };
    case "character-device":
    case "block-device":
      return { header: { ...common, kind: entry.kind, node: { major, minor } } };
    case "whiteout":
      throw new NacreError("internal", `a whiteout shows in a merged root: ${entry.path}`);
    default:
      return { header: { ...common, kind: entry.kind } };
  }
}

function looksLikeWhiteout({ path }: TreeEntry): NacreError {
  const shown = JSON.stringify(`/${new TextDecoder().decode(path)}`);
  return new NacreError("unsupported", `${shown} cannot be in a layer of an image`, {
    advice: "Names that begin with .wh. say there what is gone: rename or remove it.",
  });
}
