// Trees that files are copied from: a context, an archive, the root of another stage or an image.
// Links in them lead on inside of them, whatever they say.

import type { IgnoreMatcher } from "@nacre/core/dockerfile/ignore.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { TreeEntry } from "@nacre/core/ports/files.ts";
import type { ContentPlaces } from "../roots/archive.ts";
import { imageMember, type Member, storageMember } from "../roots/members.ts";
import { byteText, textBytes } from "../roots/storage-tree.ts";
import type { MergedLayers } from "./build-layers.ts";
import { SETTLED_NS } from "./known-copies.ts";

/** Paths are bytes as `byteText` has them, without slashes at their ends; the root's is empty. */
export interface SourceTree {
  /** For messages: `the build context`. */
  readonly label: string;
  /** Where its contents are. */
  readonly places: ContentPlaces;
  /** Without following links, but for those in directories' names where `places` knows them. */
  at(path: string): Member | undefined;
  /** Names in a directory, sorted. */
  names(path: string): readonly string[];
  /** What its files are known by beside their paths, for as long as it is the same tree. */
  readonly identity: string;
  /** Undefined where it cannot be said of a file whether it is what it was. */
  seen(path: string): SeenFile | undefined;
}

/** A file as it was found, without its contents. */
export interface SeenFile {
  /** Another one as soon as it has changed. */
  readonly identity: string;
  /** Whether it cannot have changed once more in the moment in which it was found. */
  readonly isSettled: boolean;
}

const ROOT: Member = {
  header: {
    ...{ path: new Uint8Array(), kind: "directory", mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0 },
  },
};
const LINK_LIMIT = 40;

export const textOf = (path: string): string => new TextDecoder().decode(textBytes(path));
export const pathOf = (text: string): string => byteText(new TextEncoder().encode(text));
export const join = (directory: string, name: string): string =>
  directory === "" ? name : `${directory}/${name}`;
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** A directory of this machine, as it was found. */
export class DirectoryTree implements SourceTree {
  readonly label: string;
  readonly places: ContentPlaces;
  readonly identity = "";
  readonly #lookedNs: bigint;
  readonly #members = new Map<string, Member>();
  readonly #entries = new Map<string, TreeEntry>();
  readonly #names = new Map<string, string[]>([["", []]]);

  /** `entries`: each directory before what it holds; those that are kept. `nowMs`: before they are found. */
  constructor(label: string, directory: string, entries: Iterable<TreeEntry>, nowMs: number) {
    this.label = label;
    this.#lookedNs = BigInt(Math.floor(nowMs)) * 1_000_000n;
    this.places = { upper: directory, layers: [] };
    for (const entry of entries) {
      const path = byteText(entry.path);
      for (const member of storageMember(entry)) {
        // Names of one file are files of their own in an image: the context need not stay as it is.
        const { identity, ...own } = member;
        this.#members.set(path, own);
        if (own.header.kind === "file") this.#entries.set(path, entry);
        this.#names.get(parentOf(path))?.push(nameOf(path));
        if (own.header.kind === "directory") this.#names.set(path, []);
      }
    }
  }

  at(path: string): Member | undefined {
    return path === "" ? ROOT : this.#members.get(path);
  }

  names(path: string): readonly string[] {
    return this.#names.get(path) ?? [];
  }

  seen(path: string): SeenFile | undefined {
    const entry = this.#entries.get(path);
    if (entry?.changedNs === undefined) return undefined;
    // The time of change alone: that of the contents anybody may set, to the future as well.
    const isSettled = entry.changedNs + SETTLED_NS < this.#lookedNs;
    return { identity: stampOf(entry), isSettled };
  }
}

/** What a file of a directory is known by as long as it is what it is. */
export function stampOf(entry: TreeEntry): string {
  const { device, inode, sizeBytes, mtimeSeconds, mtimeNanoseconds, changedNs } = entry;
  return [device, inode, sizeBytes, mtimeSeconds, mtimeNanoseconds, changedNs].join(" ");
}

/** Layers, merged. */
export class LayersTree implements SourceTree {
  readonly label: string;
  readonly places: ContentPlaces;
  readonly identity: string;
  readonly #tree: ImageTree;

  constructor(label: string, { tree, layers }: MergedLayers) {
    this.label = label;
    this.places = { upper: "", layers };
    this.identity = layers.map(({ diffId }) => diffId).join(" ");
    this.#tree = tree;
  }

  at(path: string): Member | undefined {
    if (path === "") return ROOT;
    const entry = this.#tree.lookup(textBytes(path));
    return entry && imageMember(entry);
  }

  names(path: string): readonly string[] {
    const all = this.#tree.list(textBytes(path)) ?? [];
    return Array.from(all, ({ pathBytes }) => nameOf(byteText(pathBytes)));
  }

  /** Layers stay what they are. */
  seen(path: string): SeenFile {
    return { identity: JSON.stringify(path), isSettled: true };
  }
}

/** What patterns leave of a tree: directories of what is kept are there with it. */
export class KeptTree implements SourceTree {
  readonly label: string;
  readonly places: ContentPlaces;
  readonly identity: string;
  /** With what is left out. */
  readonly all: SourceTree;
  readonly #ignore: IgnoreMatcher;

  constructor(tree: SourceTree, ignore: IgnoreMatcher) {
    this.label = tree.label;
    this.places = tree.places;
    this.identity = tree.identity;
    this.all = tree;
    this.#ignore = ignore;
  }

  at(path: string): Member | undefined {
    return path === "" || this.#isKept(path) ? this.all.at(path) : undefined;
  }

  names(path: string): readonly string[] {
    return this.all.names(path).filter((name) => this.#isKept(join(path, name)));
  }

  seen(path: string): SeenFile | undefined {
    return this.all.seen(path);
  }

  #isKept(path: string): boolean {
    const text = textOf(path);
    if (!this.#ignore.excludes(text)) return true;
    if (this.all.at(path)?.header.kind !== "directory") return false;
    return this.#ignore.mayKeepBelow(text) && this.names(path).length > 0;
  }
}

/**
 * Where a path leads with all links followed, inside the tree. Undefined where nothing is.
 * NacreError `invalid` for links without an end.
 */
export function resolve(tree: SourceTree, path: string): string | undefined {
  let rest = path.split("/").filter((name) => name !== "" && name !== ".");
  let at: string[] = [];
  for (let links = 0; rest.length > 0; ) {
    const [name = "", ...more] = rest;
    rest = more;
    if (name === "..") {
      at = at.slice(0, -1);
      continue;
    }
    const whole = [...at, name].join("/");
    const member = tree.at(whole);
    if (!member) return undefined;
    if (member.header.kind !== "symlink") {
      at.push(name);
      continue;
    }
    if (++links > LINK_LIMIT) {
      throw new NacreError(
        "invalid",
        `too many links at ${JSON.stringify(textOf(path))} in ${tree.label}`,
      );
    }
    const target = byteText(member.header.target ?? new Uint8Array());
    if (target.startsWith("/")) at = [];
    rest = [...target.split("/").filter((one) => one !== "" && one !== "."), ...rest];
  }
  return at.join("/");
}
