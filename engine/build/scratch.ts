// A build's own directory below the state root, for what has to be a file while it runs: what ADD
// fetches, scripts that stand in the Dockerfile. It goes with the build, or with the next one where
// a build was killed.

import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import { randomHex } from "@nacre/core/random-hex.ts";
import type { StatePaths } from "../images/paths.ts";

const OWNED = /^(\d+)-(\d+)-[0-9a-f]+$/;

export class Scratch {
  readonly #files: Files;
  readonly #kernel: Pick<Kernel, "alive">;
  readonly #parent: string;
  readonly directory: string;
  #made = false;
  #names = 0;

  constructor(
    files: Files,
    kernel: Pick<Kernel, "alive">,
    random: Random,
    paths: StatePaths,
    self: ProcessIdentity,
  ) {
    this.#files = files;
    this.#kernel = kernel;
    this.#parent = paths.builds;
    this.directory = `${paths.builds}/${self.pid}-${self.startTime}-${randomHex(random, 6)}`;
  }

  /** A directory of its own, empty. */
  place(): string {
    this.#made = true;
    const path = `${this.directory}/${this.#names++}`;
    this.#files.makeDirectory(path);
    return path;
  }

  /** Removes it, and those of builds that were killed. */
  async remove(): Promise<void> {
    if (this.#made) await this.#files.removeTree(this.directory);
    for (const name of this.#files.list(this.#parent)) {
      const owner = OWNED.exec(name);
      const identity = { pid: Number(owner?.[1]), startTime: BigInt(owner?.[2] ?? 0) };
      if (owner && !this.#kernel.alive(identity)) {
        await this.#files.removeTree(`${this.#parent}/${name}`);
      }
    }
  }
}
