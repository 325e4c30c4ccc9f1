// Digests by node:crypto, and those of large bytes by the addon in libuv's pool: header of addon/hash.c.

import { createHash, type Hash } from "node:crypto";
import { NacreError } from "@nacre/core/error.ts";
import type { Hasher } from "@nacre/core/ports/codec.ts";
import type { Addon, HasherHandle } from "./addon.ts";

/** What takes less time to hash than to hand over to another thread. */
const SMALL_BYTES = 32 * 1024;

export class LinuxHasher implements Hasher {
  readonly #algorithm: "sha256" | "sha512";
  readonly #load: () => Addon | undefined;
  /** One of both, from the first bytes on. */
  #node: Hash | undefined;
  #own: { readonly addon: Addon; readonly handle: HasherHandle } | undefined;

  constructor(algorithm: "sha256" | "sha512", load: () => Addon | undefined) {
    this.#algorithm = algorithm;
    this.#load = load;
  }

  update(bytes: Uint8Array): void {
    if (this.#own) check(this.#own.addon.hashNow(this.#own.handle, bytes));
    else this.#inNode().update(bytes);
  }

  async absorb(bytes: Uint8Array): Promise<void> {
    if (!this.#own && !this.#node) this.#begin();
    if (!this.#own || bytes.length < SMALL_BYTES) this.update(bytes);
    else check(await this.#own.addon.hash(this.#own.handle, bytes));
  }

  digest(): string {
    const digest = this.#own ? this.#own.addon.digest(this.#own.handle) : this.#inNode().digest();
    check(digest !== undefined);
    return `${this.#algorithm}:${digest?.toString("hex")}`;
  }

  #begin(): void {
    const addon = this.#load();
    const handle = addon?.createHasher(this.#algorithm);
    if (addon && handle) this.#own = { addon, handle };
  }

  #inNode(): Hash {
    this.#node ??= createHash(this.#algorithm);
    return this.#node;
  }
}

function check(done: boolean): void {
  if (!done) throw new NacreError("internal", "OpenSSL cannot hash");
}
