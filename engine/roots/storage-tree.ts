// A container's storage layer, overlayfs's upper directory, as a tree of what it says of the image
// below: https://docs.kernel.org/filesystems/overlayfs.html, "Whiteouts and opaque directories".

import { NacreError } from "@nacre/core/error.ts";
import type { Attribute, TreeEntry } from "@nacre/core/ports/files.ts";
import type { KernelFacts } from "@nacre/core/ports/kernel.ts";

export interface StorageNode {
  readonly entry: TreeEntry;
  /** Names as byteText has them, in the order of their bytes. */
  readonly children: ReadonlyMap<string, StorageNode>;
  /** It says that what the image has here is gone. */
  readonly whiteout: boolean;
  /** A directory that hides what the image has in it. */
  readonly opaque: boolean;
}

export type StorageTree = StorageNode["children"];

/** Bytes as a string of as many characters: exact as a key, and sorted as the bytes are. */
export function byteText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The way back from byteText; of no other text. */
export function textBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/**
 * Whose attributes are overlayfs's marks: root's alone, or, where it was mounted with `userxattr`
 * in a user namespace, any user's. What is of the other kind there, a container may have set.
 */
export type MarkedBy = "trusted" | "user";

export const markedBy = ({ userNamespace }: Pick<KernelFacts, "userNamespace">): MarkedBy =>
  userNamespace ? "user" : "trusted";

const OVERLAY = /^(trusted|user)\.overlay\./;
const isWhiteout = ({ kind, node, attributes }: TreeEntry, by: MarkedBy): boolean =>
  (kind === "character-device" && node?.major === 0 && node.minor === 0) ||
  (kind === "file" && markOf(attributes, "whiteout", by) !== undefined);

const markOf = (attributes: readonly Attribute[], name: string, by: MarkedBy) =>
  attributes.find((one) => one.name === `${by}.overlay.${name}`);

/** `x` only says that whiteouts are in it that are marked by an attribute. */
const isOpaque = ({ kind, attributes }: TreeEntry, by: MarkedBy): boolean =>
  kind === "directory" && markOf(attributes, "opaque", by)?.value[0] === "y".charCodeAt(0);

/** Attributes that are the file's own, and not overlayfs's notes on it. */
export function ownAttributes({ attributes }: TreeEntry): Attribute[] {
  return attributes.filter(({ name }) => !OVERLAY.test(name));
}

/**
 * The tree of what `Files.walk` found in a storage layer.
 * @throws NacreError `unsupported` for one that leads elsewhere in the image
 */
export function storageTree(entries: Iterable<TreeEntry>, by: MarkedBy = "trusted"): StorageTree {
  const root = new Map<string, StorageNode>();
  const directories = new Map<string, Map<string, StorageNode>>([["", root]]);
  for (const entry of entries) {
    const path = byteText(entry.path);
    for (const mark of ["redirect", "metacopy"]) {
      if (markOf(entry.attributes, mark, by)) throw elsewhere(entry, mark);
    }
    const slash = path.lastIndexOf("/");
    const parent = directories.get(path.slice(0, Math.max(0, slash)));
    const children = new Map<string, StorageNode>();
    if (entry.kind === "directory") directories.set(path, children);
    const marks = { whiteout: isWhiteout(entry, by), opaque: isOpaque(entry, by) };
    const node = { entry, children, ...marks };
    parent?.set(path.slice(slash + 1), node);
  }
  return root;
}

function elsewhere({ path }: TreeEntry, mark: string): NacreError {
  const shown = JSON.stringify(`/${new TextDecoder().decode(path)}`);
  return new NacreError(
    "unsupported",
    `the container's ${shown} leads elsewhere in its image (overlay.${mark})`,
    {
      advice:
        "This kernel's overlay has redirect_dir or metacopy on: turn it off in /sys/module/overlay/parameters, and make the container anew.",
    },
  );
}
