import type { Core } from "@nacre/core/core.ts";
import { Sha256 } from "@nacre/core/digest.ts";
import { NacreError, whereFound } from "@nacre/core/error.ts";
import type { Codec, Hasher } from "@nacre/core/ports/codec.ts";
import type { BlobWriter, ContentStore } from "@nacre/core/ports/content-store.ts";
import type { FileReader, Files, FileWriter } from "@nacre/core/ports/files.ts";
import { ended } from "../images/layer-source.ts";
import type { StatePaths } from "../images/paths.ts";

type Algorithm = "sha256" | "sha512";

/** Hex digits of each algorithm's digests (OCI image spec, descriptor.md). */
const HEX_DIGITS: Readonly<Record<Algorithm, number>> = { sha256: 64, sha512: 128 };
/** How much of a file is hashed at once: large enough that reading costs nothing beside it. */
const CHUNK_BYTES = 1 << 20;
/** Manifests and configs: what the core has hashed before the host's hash is loaded, some milliseconds. */
const SMALL_BYTES = 64 << 10;

/**
 * Blobs as files named by their digests, `blobs/ALGORITHM/HEX`. What makes it safe is the Files
 * port: a writer's bytes have a name of their own until they are verified, an interrupted one's go
 * to whoever writes that blob next, and a rename is all that others see.
 */
export class FileContentStore implements ContentStore {
  readonly #core: () => Core;
  readonly #files: Files;
  readonly #codec: Codec;
  readonly #paths: StatePaths;

  constructor(core: () => Core, files: Files, codec: Codec, paths: StatePaths) {
    this.#core = core;
    this.#files = files;
    this.#codec = codec;
    this.#paths = paths;
  }

  has(digest: string): boolean {
    return this.sizeBytes(digest) !== undefined;
  }

  sizeBytes(digest: string): number | undefined {
    const path = this.#path(digest);
    return path === undefined ? undefined : this.#files.status(path)?.sizeBytes;
  }

  async writer(digest: string, sizeBytes: number): Promise<BlobWriter> {
    const algorithm = algorithmOf(digest);
    const path = this.#paths.blob(digest);
    this.#files.makeDirectory(this.#directory(algorithm));
    let file = await this.#files.create(path, { resume: true });
    if (file.sizeBytes > sizeBytes) {
      await file.discard();
      file = await this.#files.create(path);
    }
    const hasher = this.#hasher(algorithm, sizeBytes);
    try {
      await this.#hashFile(file.path, file.sizeBytes, hasher);
    } catch (error) {
      await file.suspend();
      throw error;
    }
    return new FileBlobWriter(file, hasher, { digest, sizeBytes });
  }

  async reader(digest: string): Promise<FileReader> {
    return this.#files.open(this.#path(digest) ?? this.#paths.blob(digest));
  }

  async read(digest: string, limitBytes: number): Promise<Uint8Array> {
    const algorithm = algorithmOf(digest);
    const reader = await this.reader(digest);
    try {
      if (reader.sizeBytes > limitBytes) {
        throw new NacreError(
          "invalid",
          `${digest} has ${reader.sizeBytes} bytes, more than the ${limitBytes} that are read at once`,
        );
      }
      const bytes = await reader.read(0, reader.sizeBytes);
      const hasher = this.#hasher(algorithm, bytes.length);
      hasher.update(bytes);
      if (hasher.digest() === digest) return bytes;
    } finally {
      await reader.close();
    }
    throw new NacreError("corrupt", `the stored blob ${digest} has other contents`, {
      operation: `read ${this.#paths.blob(digest)}`,
      advice: "Remove the image that it belongs to, and pull it again.",
    });
  }

  list(): string[] {
    return (["sha256", "sha512"] as const).flatMap((algorithm) =>
      this.#files
        .list(this.#directory(algorithm))
        .map((name) => `${algorithm}:${name}`)
        .filter(isDigest),
    );
  }

  async remove(digest: string): Promise<void> {
    algorithmOf(digest);
    whereFound(() => this.#files.remove(this.#paths.blob(digest)));
  }

  /** Where the bytes of a digest are: a blob, or the tar of a layer. Both are named when they are verified. */
  #path(digest: string): string | undefined {
    algorithmOf(digest);
    return [this.#paths.blob(digest), this.#paths.layerTar(digest)].find(
      (path) => this.#files.status(path)?.kind === "file",
    );
  }

  #directory(algorithm: Algorithm): string {
    return `${this.#paths.blobs}/${algorithm}`;
  }

  #hasher(algorithm: Algorithm, sizeBytes: number): Hasher {
    if (algorithm !== "sha256" || sizeBytes > SMALL_BYTES) return this.#codec.hasher(algorithm);
    const hash = new Sha256(this.#core().fork());
    const update = (bytes: Uint8Array): void => void hash.update(bytes);
    return { update, absorb: async (bytes) => update(bytes), digest: () => hash.digest() };
  }

  async #hashFile(path: string, sizeBytes: number, hasher: Hasher): Promise<void> {
    if (sizeBytes === 0) return;
    const reader = await this.#files.open(path);
    try {
      for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
        await hasher.absorb(await reader.read(at, Math.min(CHUNK_BYTES, sizeBytes - at)));
      }
    } finally {
      await reader.close();
    }
  }
}

class FileBlobWriter implements BlobWriter {
  readonly #file: FileWriter;
  readonly #hasher: Hasher;
  readonly #promised: { readonly digest: string; readonly sizeBytes: number };
  readonly #resumed: boolean;
  #ended = false;

  constructor(
    file: FileWriter,
    hasher: Hasher,
    promised: { readonly digest: string; readonly sizeBytes: number },
  ) {
    this.#file = file;
    this.#hasher = hasher;
    this.#promised = promised;
    this.#resumed = file.sizeBytes > 0;
  }

  get offset(): number {
    return this.#file.sizeBytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { sizeBytes } = this.#promised;
    if (this.offset + bytes.length > sizeBytes) {
      await this.#refuse(`it is longer than the ${sizeBytes} bytes that were promised`);
    }
    await ended([this.#file.write(bytes), this.#hasher.absorb(bytes)]);
  }

  async commit(): Promise<void> {
    if (this.#ended) return;
    const { digest, sizeBytes } = this.#promised;
    if (this.offset !== sizeBytes) {
      await this.#refuse(`it has ${this.offset} bytes instead of ${sizeBytes}`);
    }
    this.#ended = true;
    const found = this.#hasher.digest();
    if (found !== digest) await this.#refuse(`its digest is ${found}`);
    await this.#file.commit();
  }

  async suspend(): Promise<void> {
    this.#ended = true;
    await this.#file.suspend();
  }

  async discard(): Promise<void> {
    this.#ended = true;
    await this.#file.discard();
  }

  async #refuse(reason: string): Promise<never> {
    await this.discard();
    throw new NacreError(
      "corrupt",
      `blob ${this.#promised.digest} is not what was promised: ${reason}`,
      {
        advice: this.#resumed
          ? "Part of it came from an interrupted attempt, which was thrown away: try again."
          : "The registry, or something on the way to it, sends wrong bytes.",
      },
    );
  }
}

function isDigest(text: string): boolean {
  const match = /^(sha256|sha512):([0-9a-f]+)$/.exec(text);
  return match !== null && match[2]?.length === HEX_DIGITS[match[1] as Algorithm];
}

/** Checks the whole digest, for it becomes a file name. NacreError `invalid`. */
function algorithmOf(digest: string): Algorithm {
  if (isDigest(digest)) return digest.startsWith("sha256:") ? "sha256" : "sha512";
  throw new NacreError(
    "invalid",
    `${JSON.stringify(digest)} is no digest that blobs are kept under`,
    {
      advice: "Digests are sha256: and 64 hex digits, or sha512: and 128, in lower case.",
    },
  );
}
