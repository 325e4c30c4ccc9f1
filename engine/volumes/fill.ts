// An empty volume gets what the image has at its place, when a container is made with it. It is
// filled under another name, and renamed: a volume holds all of that, or nothing.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { mappedId, withOwner } from "@nacre/core/program/outside.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { randomHex } from "@nacre/core/random-hex.ts";
import type { UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { ownTree } from "@nacre/core/user-namespace/own-tree.ts";
import { copyUpProgram } from "./copy-up.ts";
import { usersOf } from "./volume-records.ts";

/** An image's layers, and the tree that they make: merged when it is asked for. */
export interface ImageContent {
  readonly layers: readonly StoredLayer[];
  readonly tree: () => ImageTree;
}

export interface FillerOptions {
  readonly core: () => Core;
  readonly stateRoot: string;
}

/** Says which process fills it. */
const PARTIAL = /^fill\.(\d+)-(\d+)-[0-9a-f]+$/;

export class VolumeFiller {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #state: StateStore;
  readonly #random: Random;
  readonly #self: ProcessIdentity;
  readonly #options: FillerOptions;

  constructor(
    kernel: Kernel,
    files: Files,
    state: StateStore,
    random: Random,
    self: ProcessIdentity,
    options: FillerOptions,
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#state = state;
    this.#random = random;
    this.#self = self;
    this.#options = options;
  }

  /**
   * Fills `directory` of a volume if it is empty and the image has a directory at `place`. With
   * `users` its files belong to those, as a container that has them sees it.
   */
  async fill(
    name: string,
    directory: string,
    place: string,
    image: ImageContent,
    users?: UserMaps,
  ): Promise<void> {
    if (this.#files.list(directory).length > 0) return;
    const parent = directory.slice(0, directory.lastIndexOf("/"));
    await this.#sweep(parent);
    const temporary = `${parent}/${this.#temporary()}`;
    const program = copyUpProgram(image.tree(), place, image.layers, temporary);
    if (!program) return;
    this.#files.makeDirectory(temporary);
    try {
      const mine = users ? withOwners(program, users) : program;
      await this.#kernel.perform(ownTree(mine, this.#kernel.facts().userNamespace));
      this.#publish(name, temporary, directory);
    } finally {
      await this.#files.removeTree(temporary);
    }
  }

  /** The same with what a directory of this machine has; `spool`: where a tar of it may wait. */
  async fillFrom(
    name: string,
    directory: string,
    from: { readonly root: string; readonly place: string; readonly spool: string },
    users?: UserMaps,
  ): Promise<void> {
    if (this.#files.list(directory).length > 0) return;
    const { core, stateRoot } = this.#options;
    const { withDirectoryContent } = await import("../copies/directory-content.ts");
    await withDirectoryContent(core(), this.#files, { ...from, stateRoot }, (content) =>
      this.fill(name, directory, "/", content, users),
    );
  }

  /** An empty volume becomes that of a container's root: nobody else has files in it. */
  async giveTo(directory: string, users: UserMaps): Promise<void> {
    const root = { uid: mappedId(users.uids, 0, "root"), gid: mappedId(users.gids, 0, "root") };
    const now = this.#files.status(directory);
    if (now?.uid !== 0 || this.#files.list(directory).length > 0) return;
    const host: Operation[] = [
      { op: "openRoot", path: directory },
      {
        ...{ op: "placeDirectory", path: "", mode: now.mode & 0o7777, ...root },
        why: "root of the container may write to its volume",
      },
    ];
    await this.#kernel.perform({ title: "give a volume to a container's users", host });
  }

  /** The same for a storage layer, where it cannot be shown with other owners (engine/containers/container-root.ts). */
  async giveOwned(directory: string, users: UserMaps): Promise<void> {
    if (this.#kernel.facts().userNamespace) await this.giveTo(directory, users);
  }

  /** Not under a container that runs: what it has mounted is the directory, and not its name. */
  #publish(name: string, from: string, to: string): void {
    this.#state.write((t) => {
      const busy = usersOf(t, name).some(
        ({ status }) => status !== "created" && status !== "exited",
      );
      if (busy) return;
      try {
        this.#files.rename(from, to);
      } catch (error) {
        // Somebody else has filled it meanwhile.
        if (!(error instanceof NacreError && error.kind === "in-use")) throw error;
      }
    });
  }

  #temporary(): string {
    return `fill.${this.#self.pid}-${this.#self.startTime}-${randomHex(this.#random, 6)}`;
  }

  /** Removes what killed processes were filling. */
  async #sweep(parent: string): Promise<void> {
    for (const name of this.#files.list(parent)) {
      const owner = PARTIAL.exec(name);
      if (!owner) continue;
      const identity = { pid: Number(owner[1]), startTime: BigInt(owner[2] ?? 0) };
      if (!this.#kernel.alive(identity)) await this.#files.removeTree(`${parent}/${name}`);
    }
  }
}

function withOwners({ title, host }: KernelProgram, users: UserMaps): KernelProgram {
  return { title, host: host.map((operation) => withOwner(operation, users)) };
}
