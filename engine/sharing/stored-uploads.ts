// Blobs that others send, part by part: a file each, which outlives the connection and the process
// that began it, until it is named by its digest.

import { NacreError } from "@nacre/core/error.ts";
import type { Codec, Hasher } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Files, FileWriter } from "@nacre/core/ports/files.ts";
import type { RepositoryUpload } from "@nacre/core/ports/image-repositories.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import { randomHex } from "@nacre/core/random-hex.ts";
import { contents, GatherBuffers, gather } from "../images/layer-source.ts";
import type { StatePaths } from "../images/paths.ts";

const ID = /^[0-9a-f]{32}$/;

export class StoredUploads {
  readonly #files: Files;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #codec: Codec;
  readonly #random: Random;
  readonly #paths: StatePaths;
  readonly #bootId: string;
  readonly #open = new Map<string, StoredUpload>();

  constructor(
    files: Files,
    content: ContentStore,
    state: StateStore,
    codec: Codec,
    random: Random,
    paths: StatePaths,
    bootId: string,
  ) {
    this.#files = files;
    this.#content = content;
    this.#state = state;
    this.#codec = codec;
    this.#random = random;
    this.#paths = paths;
    this.#bootId = bootId;
  }

  begin(): Promise<RepositoryUpload> {
    return this.#started(randomHex(this.#random, 16));
  }

  /** One that was begun; undefined if nothing of it is here. */
  async find(id: string): Promise<RepositoryUpload | undefined> {
    const open = this.#open.get(id);
    if (open || !ID.test(id)) return open;
    const upload = await this.#started(id);
    if (upload.sizeBytes > 0) return upload;
    await upload.discard();
    return undefined;
  }

  /** Keeps what has arrived for whoever serves next. */
  async suspend(): Promise<void> {
    for (const upload of this.#open.values()) await upload.suspend();
    this.#open.clear();
  }

  async #started(id: string): Promise<StoredUpload> {
    this.#files.makeDirectory(this.#paths.uploads);
    const file = await this.#files.create(this.#paths.upload(id), { resume: true });
    const hasher = this.#codec.hasher("sha256");
    if (file.sizeBytes > 0) {
      for await (const chunk of contents(await this.#files.open(file.path))) hasher.update(chunk);
    }
    const end = () => this.#open.delete(id);
    const upload = new StoredUpload(id, file, hasher, this.#codec, this.#files, {
      end,
      place: (digest, sizeBytes) => this.#place(id, digest, sizeBytes),
    });
    this.#open.set(id, upload);
    return upload;
  }

  /** Under its digest, with a record: nobody names it yet. */
  #place(id: string, digest: string, sizeBytes: number): void {
    const from = this.#paths.upload(id);
    if (this.#content.sizeBytes(digest) === sizeBytes) this.#files.remove(from);
    else {
      const to = this.#paths.blob(digest);
      this.#files.makeDirectory(to.slice(0, to.lastIndexOf("/")));
      this.#files.rename(from, to);
    }
    this.#state.write((t) => {
      if (t.get("blob", digest) || t.get("layer", digest)) return;
      const fresh = { durable: false, bootId: this.#bootId };
      t.put("blob", digest, { digest, sizeBytes, mediaType: "application/octet-stream", ...fresh });
    });
  }
}

interface Ending {
  end(): void;
  place(digest: string, sizeBytes: number): void;
}

class StoredUpload implements RepositoryUpload {
  readonly id: string;
  readonly #file: FileWriter;
  readonly #hasher: Hasher;
  readonly #codec: Codec;
  readonly #files: Files;
  readonly #ending: Ending;
  readonly #buffers = new GatherBuffers();

  constructor(
    id: string,
    file: FileWriter,
    hasher: Hasher,
    codec: Codec,
    files: Files,
    ending: Ending,
  ) {
    this.id = id;
    this.#file = file;
    this.#hasher = hasher;
    this.#codec = codec;
    this.#files = files;
    this.#ending = ending;
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  async append(source: AsyncIterable<Uint8Array>): Promise<void> {
    let written = Promise.resolve();
    // What comes before a connection breaks is kept, also where it fills no buffer.
    let broken: unknown;
    async function* whole(): AsyncGenerator<Uint8Array> {
      try {
        yield* source;
      } catch (error) {
        broken = error;
      }
    }
    for await (const chunk of gather(whole(), this.#buffers)) {
      this.#hasher.update(chunk);
      await written;
      written = this.#file.write(chunk).then(() => this.#buffers.giveBack(chunk));
      written.catch(() => {});
    }
    await written;
    if (broken !== undefined) throw broken;
  }

  async finish(digest: string): Promise<void> {
    const found = await this.#digest(digest.startsWith("sha512:") ? "sha512" : "sha256");
    this.#ending.end();
    if (found !== digest) {
      await this.#file.discard();
      throw new NacreError("corrupt", `its digest is ${found}, not ${digest}`);
    }
    await this.#file.commit();
    this.#ending.place(digest, this.#file.sizeBytes);
  }

  async discard(): Promise<void> {
    this.#ending.end();
    await this.#file.discard();
  }

  suspend(): Promise<void> {
    return this.#file.suspend();
  }

  async #digest(algorithm: "sha256" | "sha512"): Promise<string> {
    if (algorithm === "sha256") return this.#hasher.digest();
    const hasher = this.#codec.hasher(algorithm);
    for await (const chunk of contents(await this.#files.open(this.#file.path))) {
      hasher.update(chunk);
    }
    return hasher.digest();
  }
}
