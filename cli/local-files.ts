// Files of this machine that are copied to and from containers.

import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { NacreError } from "@nacre/core/error.ts";
import type { FoundEntry, TreeEntry } from "@nacre/core/ports/files.ts";
import { treeArchive } from "@nacre/engine/copies/tree-archive.ts";
import type { CopiedEntry } from "@nacre/engine/engine.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { fileError } from "@nacre/linux/files-error.ts";
import { isNode, makeNode } from "./local-nodes.ts";

/** What `find` gives: something of this machine, or the place where it could be. */
export interface LocalFile {
  readonly kind: TreeEntry["kind"] | undefined;
  /** As a tar in which it is called `name`. */
  archive(name: string): AsyncIterable<Uint8Array>;
}

export interface LocalFiles {
  /** `path` is absolute. Undefined where a directory on the way is missing. */
  find(path: string, follow: boolean): LocalFile | undefined;
  /** Makes what was read out of a container: its top under `name` in a directory that is there, all of it the caller's own. Returns what it left out. */
  extract(
    directory: string,
    name: string,
    entries: AsyncIterable<CopiedEntry>,
    signal: AbortSignal,
  ): Promise<string[]>;
}

const ROOT = "/";
/** Whoever runs such a file has its owner's powers: the bit stays where that is who copies. */
const SET_USER_ID = 0o4000;
const SET_GROUP_ID = 0o2000;

/** @param addonPath of addon.node, which `walk` needs for extended attributes */
export function localFiles(addonPath: string | undefined): LocalFiles {
  const files = new LinuxFiles(addonPath);
  return {
    find(path, follow) {
      const found = files.find(ROOT, Buffer.from(path), follow);
      return found && { kind: found.entry?.kind, archive: (name) => archive(found, name) };
    },
    extract,
  };

  function archive(found: FoundEntry, name: string): AsyncIterable<Uint8Array> {
    return treeArchive(files, ROOT, found, name);
  }
}

async function extract(
  directory: string,
  name: string,
  entries: AsyncIterable<CopiedEntry>,
  signal: AbortSignal,
): Promise<string[]> {
  const made = new Extraction(directory, name);
  for await (const entry of entries) {
    if (signal.aborted) break;
    await made.take(entry);
  }
  return made.finish();
}

class Extraction {
  readonly #top: Buffer;
  readonly #isContents: boolean;
  /** First names of files with several. */
  readonly #first = new Map<string, Buffer>();
  readonly #directories: { readonly path: Buffer; readonly entry: TreeEntry }[] = [];
  readonly #left: string[] = [];

  constructor(directory: string, name: string) {
    this.#isContents = name === "." || name === "/";
    this.#top = Buffer.from(this.#isContents ? directory : `${directory}/${name}`);
  }

  async take(copied: CopiedEntry): Promise<void> {
    const { entry, identity } = copied;
    const relative = Buffer.from(entry.path);
    const path = relative.length === 0 ? this.#top : Buffer.concat([this.#top, SLASH, relative]);
    // The directory whose contents are copied stays as it is.
    if (relative.length === 0 && this.#isContents && entry.kind === "directory") return;
    try {
      const first = identity === undefined ? undefined : this.#first.get(identity);
      if (!this.#makeRoom(path, entry)) return;
      if (first) linkSync(first, path);
      else if (!(await this.#make(path, copied))) return;
      if (identity !== undefined) this.#first.set(identity, path);
    } catch (error) {
      throw fileError(error, "make", path.toString());
    }
  }

  /** What is in the way goes, but for directories. False for what cannot be made. */
  #makeRoom(path: Buffer, { kind }: TreeEntry): boolean {
    if (kind === "socket") {
      this.#left.push(`${path} (${kind})`);
      return false;
    }
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (!there) return true;
    if (there.isDirectory() && kind !== "directory") throw inTheWay(path, "directory", kind);
    if (!there.isDirectory() && kind === "directory") throw inTheWay(path, "non-directory", kind);
    if (kind !== "directory") unlinkSync(path);
    return true;
  }

  /** False for what cannot be made. */
  async #make(path: Buffer, copied: CopiedEntry): Promise<boolean> {
    const { entry } = copied;
    const mtime = secondsOf(entry);
    if (entry.kind === "symlink") {
      symlinkSync(Buffer.from(entry.target), path);
      lutimesSync(path, mtime, mtime);
    } else if (entry.kind === "directory") {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      this.#directories.push({ path, entry });
    } else if (isNode(entry)) {
      if (!makeNode(path, entry)) {
        this.#left.push(`${path} (${entry.kind})`);
        return false;
      }
      utimesSync(path, mtime, mtime);
    } else {
      await writeFile(path, copied.read());
      chmodSync(path, entry.mode & ~foreignBits(copied));
      utimesSync(path, mtime, mtime);
    }
    return true;
  }

  /** Bits and times of directories, once they are full. */
  finish(): string[] {
    for (const { path, entry } of this.#directories.reverse()) {
      const mtime = secondsOf(entry);
      chmodSync(path, entry.mode);
      utimesSync(path, mtime, mtime);
    }
    return this.#left;
  }
}

const SLASH = Buffer.from("/");

const secondsOf = ({ mtimeSeconds, mtimeNanoseconds }: TreeEntry): number =>
  mtimeSeconds + mtimeNanoseconds / 1e9;

/** As `cp -p` has it where it may not keep an owner. */
function foreignBits({ entry, mapped }: CopiedEntry): number {
  const isOwn = (id: number, own: number | undefined) => !mapped && id === own;
  return (
    (isOwn(entry.uid, process.geteuid?.()) ? 0 : SET_USER_ID) |
    (isOwn(entry.gid, process.getegid?.()) ? 0 : SET_GROUP_ID)
  );
}

async function writeFile(path: Buffer, contents: AsyncIterable<Uint8Array>): Promise<void> {
  const descriptor = openSync(path, "wx", 0o600);
  try {
    for await (const chunk of contents) {
      for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
    }
  } finally {
    closeSync(descriptor);
  }
}

function inTheWay(path: Buffer, what: string, kind: string): NacreError {
  const message = `cannot overwrite ${what} ${JSON.stringify(path.toString())} with a ${kind}`;
  return new NacreError("exists", message, {
    advice: "Remove it first, or copy to another place.",
  });
}
