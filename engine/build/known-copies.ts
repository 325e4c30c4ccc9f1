// Digests of copies that were made of files which have not changed since, so that a build that is
// cached need not read them again. What decides a step's key stays what is in the files.
//
// A file has not changed if its inode, device, size and times are what they were. Its time of
// change (st_ctime) nobody can set, but clocks of file systems stand still for some milliseconds: a
// file that was changed right before it was looked at may be changed once more in the same moment.
// So nothing is kept of what is younger than two seconds, as git has its own rule for that. It is
// kept for one boot: numbers of devices are given out anew then, and what a disk has lost of a file
// shows in none of its times.
//
//   builds/copies.json   the last few; losing it costs time alone

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StatePaths } from "../images/paths.ts";

/** What a copy would be made of, without having read it. */
export interface LookedAt {
  /** Equal only where all is as it was. */
  readonly fingerprint: string;
  /** Whether nothing can have changed in the moment in which it was looked at. */
  readonly isSettled: boolean;
}

interface Kept {
  readonly boot: string;
  /** Fingerprints and digests, the oldest first. */
  readonly copies: readonly (readonly [fingerprint: string, digest: string])[];
}

const KEPT_COPIES = 256;
export const SETTLED_NS = 2_000_000_000n;

export class KnownCopies {
  readonly #files: Files;
  readonly #paths: StatePaths;
  readonly #bootId: string;
  #known: Map<string, string> | undefined;

  constructor(files: Files, paths: StatePaths, bootId: string) {
    this.#files = files;
    this.#paths = paths;
    this.#bootId = bootId;
  }

  find({ fingerprint }: LookedAt): string | undefined {
    this.#known ??= this.#read();
    return this.#known.get(fingerprint);
  }

  put({ fingerprint, isSettled }: LookedAt, digest: string): void {
    if (!isSettled) return;
    // Others may have added to it meanwhile.
    const known = this.#read();
    known.delete(fingerprint);
    known.set(fingerprint, digest);
    this.#known = known;
    const kept: Kept = { boot: this.#bootId, copies: [...known].slice(-KEPT_COPIES) };
    this.#files.makeDirectory(this.#paths.builds);
    this.#files.replace(this.#path, JSON.stringify(kept));
  }

  get #path(): string {
    return `${this.#paths.builds}/copies.json`;
  }

  #read(): Map<string, string> {
    try {
      const { boot, copies } = JSON.parse(this.#files.readText(this.#path)) as Kept;
      return new Map(boot === this.#bootId ? copies : []);
    } catch (error) {
      const isNone = error instanceof NacreError && error.kind === "not-found";
      if (isNone || error instanceof SyntaxError) return new Map();
      throw error;
    }
  }
}
