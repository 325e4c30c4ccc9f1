// The files of a container, looked at from outside through the root of a process that has them.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { Files, FoundEntry, TreeEntry } from "@nacre/core/ports/files.ts";
import type { Kernel, OperationFault } from "@nacre/core/ports/kernel.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { ownTree } from "@nacre/core/user-namespace/own-tree.ts";
import { shownInside } from "../containers/container-root.ts";
import type { ContainerFiles, CopiedEntry, PathStatus, WriteOptions } from "../copy-interface.ts";
import { recognise } from "../images/compression.ts";
import { contentsOf } from "../roots/archive.ts";
import { textBytes } from "../roots/storage-tree.ts";
import { splitPath } from "./copy-rules.ts";
import { type SpooledTar, spooledTar } from "./spooled-tar.ts";
import { treeArchive, treeMembers } from "./tree-archive.ts";
import { type Unpacking, unpacked, unpackProgram } from "./unpacking.ts";

export interface ContainerFilesPorts {
  readonly kernel: Kernel;
  readonly files: Files;
  readonly codec: Codec;
  readonly core: () => Core;
}

export interface OpenedRoot {
  /** The container's, for messages. */
  readonly container: string;
  /** The name of its root. */
  readonly root: string;
  /** Where a tar may wait that is unpacked: a directory of the container's own. */
  readonly directory: string;
  /** Of the container's processes, where its user is not root. */
  readonly owner: () => { readonly uid: number; readonly gid: number } | undefined;
  /** Whether the container has users of its own. */
  readonly mapped: boolean;
  /** Of a container with users of its own, where its files are seen with the machine's IDs: whom these are there. */
  readonly users?: UserMaps;
  readonly close: () => Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class OpenContainerFiles implements ContainerFiles {
  readonly #ports: ContainerFilesPorts;
  readonly #opened: OpenedRoot;
  #closed: Promise<void> | undefined;

  constructor(ports: ContainerFilesPorts, opened: OpenedRoot) {
    this.#ports = ports;
    this.#opened = opened;
  }

  status(path: string): PathStatus | undefined {
    const entry = this.#find(path)?.entry;
    if (!entry) return undefined;
    const { kind, sizeBytes, mode, mtimeSeconds, mtimeNanoseconds } = entry;
    return {
      ...{ kind, sizeBytes, mode },
      modifiedMs: mtimeSeconds * 1000 + Math.floor(mtimeNanoseconds / 1e6),
      ...(kind === "symlink" && { target: this.#target(path, decoder.decode(entry.target)) }),
    };
  }

  /** Also where a directory on the way is missing: as far as it can be told. */
  #target(path: string, text: string): string {
    const found = this.#find(path, true);
    if (found) return `/${decoder.decode(found.path)}`;
    return text.startsWith("/") ? text : `${splitPath(absolute(path)).directory}/${text}`;
  }

  async *entries(path: string): AsyncGenerator<CopiedEntry> {
    const { root, mapped } = this.#opened;
    const { files } = this.#ports;
    for (const { relative, entry, identity } of treeMembers(files, root, this.#must(path))) {
      yield {
        entry: { ...this.#inside(entry), path: textBytes(relative) },
        ...(identity !== undefined && { identity }),
        ...(mapped && { mapped }),
        read: () => contentsOf(files, root, entry.path),
      };
    }
  }

  async *read(path: string, name?: string): AsyncGenerator<Uint8Array> {
    const found = this.#must(path);
    const own = name ?? splitPath(absolute(path)).name;
    const shown = (entry: TreeEntry) => this.#inside(entry);
    yield* treeArchive(this.#ports.files, this.#opened.root, found, own, shown);
  }

  /** Whose it is in the container. */
  #inside<T extends Pick<TreeEntry, "uid" | "gid">>(entry: T): T {
    return shownInside(entry, this.#opened.users);
  }

  async write(
    directory: string,
    tar: AsyncIterable<Uint8Array>,
    { ownedByUser = false }: WriteOptions = {},
  ): Promise<void> {
    const into = this.#directory(directory);
    const owner = ownedByUser ? this.#opened.owner() : undefined;
    const { files, core, codec } = this.#ports;
    files.sweep(this.#opened.directory, { partials: false });
    const spool = await files.create(`${this.#opened.directory}/copied`);
    try {
      const { compression, whole } = await recognise(generated(tar));
      const plain = codec.decompress(compression, whole);
      const spooled = await spooledTar(core(), plain, spool);
      if (!spooled) return;
      await this.#unpack(spooled, {
        ...{ root: this.#opened.root, directory: into },
        ...(owner && { owner }),
        ...(this.#opened.users && { users: this.#opened.users }),
      });
    } finally {
      await spool.discard();
    }
  }

  async #unpack({ tree, layer }: SpooledTar, where: Unpacking): Promise<void> {
    this.#mayReplace(tree, where);
    const title = `copy into ${this.#opened.container}`;
    const wanted = unpackProgram(title, tree, layer, where);
    const program = ownTree(wanted, this.#ports.kernel.facts().userNamespace);
    try {
      await this.#ports.kernel.perform(program);
    } catch (error) {
      throw this.#refused(error, program);
    }
  }

  /** Links to directories count as what they are, and are not replaced either. */
  #mayReplace(tree: ImageTree, { root, directory }: Unpacking): void {
    const prefix = directory === "" ? "" : `${directory}/`;
    for (const entry of unpacked(tree)) {
      if (entry.kind !== "directory") continue;
      const path = encoder.encode(`${prefix}${entry.path}`);
      const there = this.#ports.files.find(root, path, false)?.entry;
      if (there && there.kind !== "directory") {
        throw new NacreError(
          "exists",
          `cannot overwrite non-directory "/${prefix}${entry.path}" with a directory`,
          { advice: "Remove it first, or copy to another place." },
        );
      }
    }
  }

  #refused(error: unknown, program: KernelProgram): unknown {
    if (!(error instanceof NacreError)) return error;
    const fault = error.cause as OperationFault | undefined;
    const operation = program.host[fault?.index ?? -1];
    if (!operation || !("path" in operation)) return error;
    const { container } = this.#opened;
    if (operation.op === "openRoot") return hasEnded(container);
    if (fault?.errno === "EROFS") {
      const message = `cannot copy to /${operation.path} of ${container}: it is read-only there`;
      return new NacreError("denied", message, {
        advice: "Copy to one of its volumes, or make the container without --read-only.",
        cause: error,
      });
    }
    if (fault?.errno !== "EEXIST" && fault?.errno !== "EISDIR") return error;
    return new NacreError(
      "exists",
      `cannot overwrite directory "/${operation.path}" with something that is none`,
      { advice: "Remove it first, or copy to another place.", cause: error },
    );
  }

  /** NacreError `not-found`, `invalid`. */
  #directory(path: string): string {
    const { container } = this.#opened;
    const found = this.#find(path, true);
    if (!found?.entry) throw missing(container, path);
    if (found.entry.kind !== "directory") {
      throw new NacreError("invalid", `${container}:${path} is no directory`);
    }
    return decoder.decode(found.path);
  }

  #find(path: string, follow = false): FoundEntry | undefined {
    try {
      return this.#ports.files.find(this.#opened.root, encoder.encode(asDirectory(path)), follow);
    } catch (error) {
      // Its process is gone, and its root with it.
      const gone = error instanceof NacreError && ["ENOENT", "ESRCH"].includes(error.errno ?? "");
      throw gone ? hasEnded(this.#opened.container) : error;
    }
  }

  #must(path: string): FoundEntry {
    const found = this.#find(path);
    if (!found?.entry) throw missing(this.#opened.container, path);
    return found;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#opened.close();
    return this.#closed;
  }
}

const absolute = (path: string): string => (path.startsWith("/") ? path : `/${path}`);

/** `DIR/.` is the directory itself, also behind a link. */
const asDirectory = (path: string): string => (path.endsWith("/.") ? path.slice(0, -1) : path);

function missing(container: string, path: string): NacreError {
  return new NacreError(
    "not-found",
    `could not find the file ${absolute(path)} in container ${container}`,
  );
}

/** `conflict`: its root went while it was looked at. */
export function hasEnded(container: string): NacreError {
  return new NacreError("conflict", `container ${container} has just ended`, {
    advice: "Try again: files of one that does not run can be copied as well.",
  });
}

async function* generated(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* source;
}
