// What COPY and ADD put into a layer: chosen from trees, named anew, with owners and modes. Pure:
// it reads no contents.

import { IgnoreMatcher, pathPattern } from "@nacre/core/dockerfile/ignore.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { TarMember } from "@nacre/core/tar-writer.ts";
import type { Member } from "../roots/members.ts";
import { byteText, textBytes } from "../roots/storage-tree.ts";
import type { ModeChange } from "./file-mode.ts";
import { join, nameOf, parentOf, pathOf, resolve, type SourceTree, textOf } from "./source-tree.ts";

/** A member with the tree that has its contents. */
export interface CopiedMember extends Member {
  readonly tree?: SourceTree;
}

export interface CopyRules {
  /** Absolute; a slash at its end says that it is a directory. */
  readonly target: string;
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mode?: ModeChange;
  /** Of what comes from the context: owners are root's there. */
  readonly rootOwned: boolean;
  readonly parents: boolean;
  readonly exclude: readonly string[];
  /** The root below; absent where the layer must fit over any. */
  readonly below?: ImageTree;
}

type Header = Member["header"];

export class CopiedMembers {
  readonly #rules: CopyRules;
  readonly #exclude: IgnoreMatcher;
  readonly #target: string;
  readonly #isDirectory: boolean;
  #rootOwned: boolean;
  readonly #found = new Map<string, CopiedMember>();
  /** Directories that stand for others: their metadata is not asked for. */
  readonly #made = new Set<string>();

  constructor(rules: CopyRules) {
    this.#rules = rules;
    this.#rootOwned = rules.rootOwned;
    this.#exclude = new IgnoreMatcher(rules.exclude);
    this.#target = this.#inRoot(pathOf(rules.target.replace(/^\/+|\/+$/g, "")), rules.target);
    this.#isDirectory =
      rules.target.endsWith("/") ||
      this.#target === "" ||
      this.#kindBelow(this.#target) === "directory";
  }

  /** Adds all that an archive holds, with its owners. */
  addArchive(tree: SourceTree): void {
    this.#rootOwned = false;
    this.add(tree, ".");
    this.#rootOwned = this.#rules.rootOwned;
  }

  /** Adds what a source names. NacreError `not-found`, `invalid`. */
  add(tree: SourceTree, source: string): void {
    const pivot = /^(.*?\/)\.\/(.*)$/.exec(this.#rules.parents ? source : "");
    const wanted = pathOf(cleanSource(tree, source));
    const paths = hasWildcard(source) ? matching(tree, wanted) : [wanted];
    const start = pivot ? pathOf(cleanSource(tree, pivot[1] ?? "")) : "";
    for (const path of paths) this.#addPath(tree, path, source, start);
  }

  /** The target itself, a directory, where it is not there. */
  makeTarget(mtimeSeconds: number): void {
    this.#mustBeDirectory(this.#target);
    if (this.#target === "" || this.#kindBelow(this.#target) === "directory") return;
    const { uid, gid } = this.#rules.owner ?? { uid: 0, gid: 0 };
    const path = textBytes(this.#target);
    const header = { path, kind: "directory", mode: 0o755, uid, gid, mtimeSeconds } as const;
    this.#found.set(this.#target, { header });
  }

  /** Adds a file whose contents are in the tree under another name. */
  addFile(tree: SourceTree, path: string, name: string): void {
    const member = tree.at(path);
    if (!member) throw new NacreError("not-found", `${tree.label} has no ${textOf(path)}`);
    const target = this.#isDirectory ? join(this.#target, pathOf(name)) : this.#target;
    this.#put(tree, member, target);
  }

  /** In the order of paths, each directory before what it holds; with the directories on the way. */
  finish(): CopiedMember[] {
    if (this.#found.size + this.#made.size === 0) return [];
    this.#addDirectories();
    return [...this.#found]
      .sort(([a], [b]) => (a.replaceAll("/", "\u0000") < b.replaceAll("/", "\u0000") ? -1 : 1))
      .map(([, member]) => member);
  }

  // -- parts ------------------------------------------------------------------------------------

  #addPath(tree: SourceTree, path: string, source: string, pivot: string): void {
    const found = resolve(tree, path);
    const member = found === undefined ? undefined : tree.at(found);
    if (found === undefined || !member) throw missing(tree, source, path);
    const isDirectory = member.header.kind === "directory";
    if (!isDirectory && this.#excluded(path, nameOf(path))) return;
    if (this.#rules.parents) {
      const kept = pivot === "" ? path : path.slice(pivot.length + 1);
      this.#addParents(tree, path, kept);
      if (isDirectory) this.#addBelow(tree, found, join(this.#target, kept), "");
      else this.#put(tree, member, join(this.#target, kept));
      return;
    }
    if (isDirectory) {
      this.#mustBeDirectory(this.#target);
      this.#addBelow(tree, found, this.#target, "");
    } else {
      const target = this.#isDirectory ? join(this.#target, nameOf(path)) : this.#target;
      this.#put(tree, member, target);
    }
  }

  /** The directories that a path is kept with, as they are in the source. */
  #addParents(tree: SourceTree, path: string, kept: string): void {
    for (let up = parentOf(kept); up !== ""; up = parentOf(up)) {
      const source = path.slice(0, path.length - kept.length) + up;
      const found = resolve(tree, source);
      const member = found === undefined ? undefined : tree.at(found);
      const target = join(this.#target, up);
      if (member?.header.kind === "directory" && !this.#found.has(target))
        this.#put(tree, member, target);
    }
  }

  #addBelow(tree: SourceTree, directory: string, target: string, relative: string): void {
    if (
      target !== "" &&
      relative === "" &&
      this.#kindBelow(target) !== "directory" &&
      !this.#found.has(target)
    ) {
      const member = tree.at(directory);
      if (member && directory !== "") this.#put(tree, member, target);
      else this.#made.add(target);
    }
    for (const name of tree.names(directory)) {
      const path = join(directory, name);
      const within = join(relative, name);
      const member = tree.at(path);
      if (!member) continue;
      const isDirectory = member.header.kind === "directory";
      if (this.#excluded(path, within)) {
        if (isDirectory && this.#exclude.mayKeepBelow(textOf(within))) {
          this.#addBelow(tree, path, join(target, name), within);
        }
        continue;
      }
      this.#put(tree, member, join(target, name));
      if (isDirectory) this.#addBelow(tree, path, join(target, name), within);
    }
  }

  #excluded(path: string, within: string): boolean {
    if (this.#rules.exclude.length === 0) return false;
    return this.#exclude.excludes(textOf(within)) || this.#exclude.excludes(textOf(path));
  }

  #put(tree: SourceTree, member: Member, target: string): void {
    if (nameOf(target).startsWith(".wh.")) throw whiteout(target);
    const below = this.#kindBelow(target);
    const { kind } = member.header;
    if (kind === "directory") this.#mustBeDirectory(target);
    else if (below === "directory") {
      throw new NacreError("invalid", `cannot copy a file over the directory /${textOf(target)}`);
    }
    const { identity, header, ...rest } = member;
    const own = identity === undefined ? {} : { identity: `${tree.label} ${identity}` };
    this.#found.set(target, { ...rest, ...own, header: this.#header(header, target), tree });
  }

  /** Times are whole seconds, as docker's: a fraction would take three more blocks of each file. */
  #header({ attributes, mtimeNanoseconds, ...header }: Header, target: string): TarMember {
    const { owner, mode } = this.#rules;
    const { uid, gid } = owner ?? (this.#rootOwned ? { uid: 0, gid: 0 } : header);
    const changed =
      mode && header.kind !== "symlink"
        ? mode(header.mode, header.kind === "directory")
        : header.mode;
    const kept = attributes?.filter(
      ({ name }) => name === "security.capability" || /^user\./.test(name),
    );
    return {
      ...header,
      path: textBytes(target),
      uid,
      gid,
      mode: changed,
      ...(kept?.length && { attributes: kept }),
    };
  }

  /** What is missing on the way to what was put, made anew; with the newest time of all of it. */
  #addDirectories(): void {
    const members = [...this.#found.values()];
    const mtimeSeconds = members.reduce((max, { header }) => Math.max(max, header.mtimeSeconds), 0);
    const { uid, gid } = this.#rules.owner ?? { uid: 0, gid: 0 };
    const paths = [...this.#found.keys(), ...[...this.#made].map((path) => `${path}/`)];
    for (const path of paths) {
      for (let up = parentOf(path); up !== ""; up = parentOf(up)) {
        if (this.#found.has(up) || this.#kindBelow(up) === "directory") continue;
        this.#mustBeDirectory(up);
        const header = { kind: "directory", mode: 0o755, uid, gid, mtimeSeconds } as const;
        this.#found.set(up, { header: { path: textBytes(up), ...header } });
      }
    }
  }

  #kindBelow(path: string): string | undefined {
    return this.#rules.below?.lookup(textBytes(path))?.kind;
  }

  #mustBeDirectory(path: string): void {
    const kind = path === "" ? "directory" : this.#kindBelow(path);
    if (kind === undefined || kind === "directory") return;
    throw new NacreError(
      "invalid",
      `cannot copy to /${textOf(path)}: it is no directory (${kind})`,
    );
  }

  /** A target with the links of the root below followed, as far as it is there. */
  #inRoot(path: string, shown: string): string {
    const { below } = this.#rules;
    if (!below || path === "") return path;
    const names = path.split("/");
    for (let count = names.length; count > 0; count--) {
      const beginning = names.slice(0, count).join("/");
      const entry = below.lookup(textBytes(beginning), true);
      if (entry) {
        const isLast = count === names.length;
        if (!isLast && entry.kind !== "directory") {
          throw new NacreError(
            "invalid",
            `cannot copy to ${shown}: /${textOf(beginning)} is no directory`,
          );
        }
        return [byteText(entry.pathBytes), ...names.slice(count)]
          .filter((one) => one !== "")
          .join("/");
      }
      if (below.lookup(textBytes(beginning))?.kind === "symlink") {
        throw new NacreError(
          "invalid",
          `cannot copy to ${shown}: /${textOf(beginning)} is a link that leads nowhere`,
        );
      }
    }
    return path;
  }
}

const hasWildcard = (source: string): boolean => /[*?[\\]/.test(source);

/** A source's path in its tree. NacreError `invalid` for one that leads out of it. */
function cleanSource(tree: SourceTree, source: string): string {
  const names: string[] = [];
  for (const name of source.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.pop() === undefined) throw outside(tree, source);
  }
  return names.join("/");
}

function outside(tree: SourceTree, source: string): NacreError {
  return new NacreError("invalid", `${JSON.stringify(source)} is outside of ${tree.label}`, {
    advice:
      "Only what lies below it can be copied: build from a directory further up, with -f for the Dockerfile.",
  });
}

/** Paths that a pattern matches, in their order. None is no fault, as for docker. */
function matching(tree: SourceTree, pattern: string): string[] {
  const names = pattern.split("/");
  const literal = names.findIndex((name) => hasWildcard(name));
  const start = names.slice(0, literal).join("/");
  const depth = names.some((name) => name.includes("**")) ? Number.POSITIVE_INFINITY : names.length;
  const matches = pathPattern(textOf(pattern));
  const found: string[] = [];
  const look = (directory: string, level: number): void => {
    for (const name of tree.names(directory)) {
      const path = join(directory, name);
      if (matches.test(textOf(path))) found.push(path);
      else if (level < depth && tree.at(path)?.header.kind === "directory") look(path, level + 1);
    }
  };
  look(start, literal + 1);
  return found;
}

function missing(tree: SourceTree, source: string, path: string): NacreError {
  const link = tree.at(path)?.header;
  const leads =
    link?.kind === "symlink"
      ? `: it is a link to ${JSON.stringify(new TextDecoder().decode(link.target))}, which is not in it`
      : "";
  const names = tree.names(resolve(tree, parentOf(path)) ?? "").map(textOf);
  return new NacreError("not-found", `${JSON.stringify(source)} is not in ${tree.label}${leads}`, {
    advice:
      names.length > 0 && names.length <= 20
        ? `There are ${names.join(", ")}. What .dockerignore names is left out.`
        : "What .dockerignore names is left out.",
  });
}

function whiteout(target: string): NacreError {
  return new NacreError("unsupported", `/${textOf(target)} cannot be in a layer of an image`, {
    advice: "Names that begin with .wh. say there what is gone: rename it.",
  });
}
