// Layers unpacked into directories, as other engines do it: for kernels that cannot mount EROFS
// from files, and for state on file systems that it cannot be mounted from.
//
//   snapshots/directory/HEX.BOOT      one layer; HEX is the chain ID up to it
//   snapshots/directory/HEX.layers    what an image consists of; HEX is the chain ID of the whole
//   snapshots/directory/….partial     a layer that the process in its name is unpacking
//   snapshots/directory/uMAP/         the same of layers that belong to other users (ownedBy)
//
// A layer's directory holds what overlayfs stacks upon those below it: whiteouts as character
// devices 0:0, opaque directories marked by an xattr. It depends on the layers below (which
// directories it only passes through, which files its hard links mean), and so it has the name of
// the chain. Images with the same lower layers share their directories.
//
// Nothing of it was flushed to disk when the machine goes down: BOOT says under which boot it was
// written, and a commit after another boot writes it anew.

import type { Core } from "@nacre/core/core.ts";
import { chainIds } from "@nacre/core/digest.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type {
  RootOptions,
  RootPlan,
  Snapshotter,
  StorageLayer,
  StoredLayer,
} from "@nacre/core/ports/snapshotter.ts";
import { mappedId, withOwner } from "@nacre/core/program/outside.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { randomHex } from "@nacre/core/random-hex.ts";
import { mapLines, type UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { owner, ownTree } from "@nacre/core/user-namespace/own-tree.ts";
import type { StatePaths } from "../images/paths.ts";
import { isOpaqueRoot, placeLayer } from "./layer-program.ts";
import { LOWER_LIMIT, overlayRoot } from "./overlay.ts";
import { mergeLayers, requireTars } from "./stored-layers.ts";

/** Contents of HEX.layers. */
interface Manifest {
  /** False while the directories are being filled; they are kept from removal already. */
  readonly ready: boolean;
  /** Names of directories, bottom first. */
  readonly directories: readonly string[];
  /** Bytes of each; read by directory-usage.ts. */
  readonly sizes?: readonly number[];
  readonly sizeBytes: number;
}

export interface DirectoryOptions {
  /** Changes with every boot of the machine. */
  readonly bootId: string;
  /** This process. */
  readonly self: ProcessIdentity;
  /** Whose the files are, where they are not root's: IDs of this engine for those of layers. */
  readonly users?: UserMaps;
}

const USERS = /^u[0-9a-f]{8}$/;

/** FNV-1a: a name, for the few maps that one user has. */
function usersName({ uids, gids }: UserMaps): string {
  let hash = 0x811c9dc5;
  for (const character of `${mapLines(uids)},${mapLines(gids)}`) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  return `u${(hash >>> 0).toString(16).padStart(8, "0")}`;
}

/** HEX.BOOT */
const isLayer = (name: string): boolean => /^[0-9a-f]+\.(?!layers$)[^.]+$/.test(name);
const PARTIAL = /\.(\d+)-(\d+)-[0-9a-f]+\.partial$/;

export class DirectorySnapshotter implements Snapshotter {
  readonly name = "directory";
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #random: Random;
  readonly #core: () => Core;
  readonly #paths: StatePaths;
  readonly #boot: string;
  readonly #self: ProcessIdentity;
  readonly #users: UserMaps | undefined;
  readonly #directory: string;

  constructor(
    core: () => Core,
    files: Files,
    kernel: Kernel,
    random: Random,
    paths: StatePaths,
    options: DirectoryOptions,
    directory?: string,
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#random = random;
    this.#core = core;
    this.#paths = paths;
    this.#boot = options.bootId.slice(0, 8);
    this.#self = options.self;
    this.#users = options.users;
    this.#directory = directory ?? paths.snapshots(this.name);
  }

  ownedBy(users: UserMaps): Snapshotter {
    return this.#within(usersName(users), users);
  }

  #within(name: string, users?: UserMaps): DirectorySnapshotter {
    return new DirectorySnapshotter(
      ...([this.#core, this.#files, this.#kernel, this.#random, this.#paths] as const),
      { bootId: this.#boot, self: this.#self, ...(users && { users }) },
      `${this.#directory}/${name}`,
    );
  }

  /** What `ownedBy` has made, whoever it is for. */
  #ofOthers(): DirectorySnapshotter[] {
    return this.#names()
      .filter((name) => USERS.test(name))
      .map((name) => this.#within(name));
  }

  unsupported(): string | undefined {
    const { overlay, release } = this.#kernel.facts();
    return overlay ? undefined : `kernel ${release} has no overlay file system`;
  }

  has(chainId: string): boolean {
    return this.#usable(this.#manifest(hexOf(chainId))) !== undefined;
  }

  /** Nobody records what belongs to other users: after another boot it counts as torn. */
  #usable(manifest: Manifest | undefined): Manifest | undefined {
    const isOld = (name: string): boolean => !name.endsWith(`.${this.#boot}`);
    if (!manifest?.ready || (this.#users && manifest.directories.some(isOld))) return undefined;
    return manifest;
  }

  async commit(chainId: string, layers: readonly StoredLayer[]): Promise<{ sizeBytes: number }> {
    const known = this.#usable(this.#manifest(hexOf(chainId)));
    if (known) return known;
    if (layers.length > LOWER_LIMIT) {
      throw new NacreError(
        "unsupported",
        `the image has ${layers.length} layers; an overlay of directories has at most ${LOWER_LIMIT}`,
        { advice: "Use the erofs snapshotter, which merges them." },
      );
    }
    requireTars(this.#files, layers);
    this.#files.makeDirectory(this.#directory);
    await this.#sweep();
    const tree = mergeLayers(this.#core, this.#files, layers);
    this.#checkOwners(tree, layers.length);
    const names = chainIds(
      this.#core().fork(),
      layers.map((layer) => layer.diffId),
    ).map((id) => `${hexOf(id)}.${this.#boot}`);
    // Of layers below an opaque root nothing is seen, and overlayfs does not know such a mark.
    const lowest = Math.max(
      0,
      layers.findLastIndex((_, number) => isOpaqueRoot(tree, number)),
    );
    const sizes = tree
      .layerSizes()
      .slice(lowest)
      .map(({ bytes }) => bytes);
    const sizeBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
    const manifest = { directories: names.slice(lowest), sizes, sizeBytes };
    // Written before anything is looked at, so that a removal that goes on beside us spares it.
    this.#writeManifest(chainId, { ...manifest, ready: false });
    for (const [number, name] of names.entries()) {
      if (manifest.directories.includes(name)) await this.#fill(name, tree, number, layers);
    }
    this.#writeManifest(chainId, { ...manifest, ready: true });
    return { sizeBytes };
  }

  /** Before anything is made: what belongs to nobody here cannot be unpacked. */
  #checkOwners(tree: ImageTree, layers: number): void {
    const maps = this.#kernel.facts().userNamespace;
    for (let number = 0; maps && number < layers; number++) {
      for (const { path, uid, gid } of tree.layerEntries(number)) {
        owner({ path, uid, gid }, maps);
        if (!this.#users) continue;
        mappedId(this.#users.uids, uid, `/${path}`);
        mappedId(this.#users.gids, gid, `/${path}`);
      }
    }
  }

  root(
    chainId: string,
    _layers: readonly StoredLayer[],
    storage: StorageLayer,
    options: RootOptions,
  ): RootPlan {
    const manifest = this.#manifest(hexOf(chainId));
    if (!manifest?.ready) {
      throw new NacreError("not-found", `the image's layers (${chainId}) are not unpacked`, {
        advice: "Pull the image again.",
      });
    }
    return {
      host: [],
      child: [
        overlayRoot(
          this.#kernel.facts(),
          manifest.directories.map((name) => this.#path(name)).reverse(),
          storage,
          options,
          "the container's root: the image's layers below, to read, and its own storage layer above, to write",
        ),
      ],
    };
  }

  async remove(chainId: string, diffIds: readonly string[]): Promise<void> {
    const hex = hexOf(chainId);
    for (const other of this.#ofOthers()) {
      await other.remove(chainId, diffIds);
      if (other.#names().length === 0) await this.#files.removeTree(other.#directory);
    }
    await this.#sweep();
    const own = this.#names().filter((name) => name.startsWith(`${hex}.`) && isLayer(name));
    const directories = new Set([...(this.#manifest(hex)?.directories ?? []), ...own]);
    await this.#files.removeTree(`${this.#directory}/${hex}.layers`);
    for (const name of directories) {
      if (this.#needed(name) || !this.#files.status(this.#path(name))) continue;
      const trash = this.#temporary(name);
      this.#files.rename(this.#path(name), trash);
      await this.#files.removeTree(trash);
    }
  }

  list(): string[] {
    const own = this.#names()
      .filter((name) => name.includes("."))
      .map((name) => `sha256:${name.slice(0, name.indexOf("."))}`);
    return [...new Set([...own, ...this.#ofOthers().flatMap((other) => other.list())])];
  }

  #names(): string[] {
    return this.#files.list(this.#directory);
  }

  /** Whether an image that is there, or is being made, consists of this directory. */
  #needed(name: string): boolean {
    return this.#files
      .list(this.#directory)
      .filter((file) => file.endsWith(".layers"))
      .some((file) => this.#manifest(file.slice(0, file.indexOf(".")))?.directories.includes(name));
  }

  /** Fills a layer's directory under another name, which nobody sees, and renames it. */
  async #fill(
    name: string,
    tree: ImageTree,
    number: number,
    layers: readonly StoredLayer[],
  ): Promise<void> {
    if (this.#files.status(this.#path(name))) return;
    const temporary = this.#temporary(name);
    this.#files.makeDirectory(temporary);
    try {
      const program = this.#owned(placeLayer(temporary, tree, number, layers));
      await this.#kernel.perform(ownTree(program, this.#kernel.facts().userNamespace));
      this.#files.rename(temporary, this.#path(name));
    } catch (error) {
      await this.#files.removeTree(temporary);
      // Another process was faster.
      if (this.#files.status(this.#path(name))) return;
      throw error;
    }
  }

  #owned(program: KernelProgram): KernelProgram {
    const users = this.#users;
    if (!users) return program;
    return { ...program, host: program.host.map((operation) => withOwner(operation, users)) };
  }

  #path(name: string): string {
    return `${this.#directory}/${name}`;
  }

  /** A name that says who fills the directory, or deletes it. */
  #temporary(name: string): string {
    const { pid, startTime } = this.#self;
    return this.#path(`${name}.${pid}-${startTime}-${randomHex(this.#random, 6)}.partial`);
  }

  /** Removes what killed processes were filling or deleting. */
  async #sweep(): Promise<void> {
    for (const name of this.#files.list(this.#directory)) {
      const owner = PARTIAL.exec(name);
      if (!owner) continue;
      const identity = { pid: Number(owner[1]), startTime: BigInt(owner[2] ?? 0) };
      if (!this.#kernel.alive(identity)) await this.#files.removeTree(this.#path(name));
    }
    this.#files.sweep(this.#directory, { partials: false });
  }

  /** Undefined where there is none, or one that the machine tore when it went down. */
  #manifest(hex: string): Manifest | undefined {
    try {
      return JSON.parse(this.#files.readText(`${this.#directory}/${hex}.layers`));
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      if (error instanceof NacreError && error.kind === "not-found") return undefined;
      throw error;
    }
  }

  #writeManifest(chainId: string, manifest: Manifest): void {
    this.#files.replace(`${this.#directory}/${hexOf(chainId)}.layers`, JSON.stringify(manifest));
  }
}

function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}
