// Blobs of stored images as what is sent or archived. A compressed layer is its blob, byte for byte
// as it came; one that came uncompressed is kept once, as its tar, whose digest is the same.

import { NacreError } from "@nacre/core/error.ts";
import { type Descriptor, MANIFEST_LIMIT_BYTES } from "@nacre/core/oci/image.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { FileReader, Files } from "@nacre/core/ports/files.ts";
import type { BlobSource } from "../registry/uploads.ts";

const PART_BYTES = 1 << 20;

export class StoredBlobs {
  readonly #files: Files;
  readonly #content: ContentStore;
  readonly #codec: Codec;

  constructor(files: Files, content: ContentStore, codec: Codec) {
    this.#files = files;
    this.#content = content;
    this.#codec = codec;
  }

  has(digest: string): boolean {
    return this.#content.has(digest);
  }

  /** A manifest, an index or a config. NacreError `not-found`, `corrupt`. */
  async document(digest: string): Promise<Uint8Array> {
    if (!this.#content.has(digest)) throw gone(digest);
    return this.#content.read(digest, MANIFEST_LIMIT_BYTES);
  }

  /** NacreError `not-found` where it is not here, `corrupt` where it has another size. */
  source({ digest, size }: Pick<Descriptor, "digest" | "size">): BlobSource {
    const found = this.#content.sizeBytes(digest);
    if (found === undefined) throw gone(digest);
    if (found !== size) throw damaged(digest, `it has ${found} bytes instead of ${size}`);
    return {
      ...{ digest, sizeBytes: size },
      read: (offset, length) => range(() => this.#content.reader(digest), offset, length),
    };
  }

  /** A file that is to be sent as a blob. */
  file(path: string, digest: string, sizeBytes: number): BlobSource {
    return {
      ...{ digest, sizeBytes },
      read: (offset, length) => range(() => this.#files.open(path), offset, length),
    };
  }

  /** Reads a blob and compares its digest: whether others can be to blame. NacreError `corrupt`. */
  async verify(source: BlobSource): Promise<void> {
    const { digest, sizeBytes } = source;
    const hasher = this.#codec.hasher(digest.startsWith("sha512:") ? "sha512" : "sha256");
    for await (const chunk of source.read(0, sizeBytes)) hasher.update(chunk);
    const found = hasher.digest();
    if (found !== digest) throw damaged(digest, `its digest is ${found}`);
  }
}

/** Parts of a file; the next one is read while the consumer works on this one. */
export async function* range(
  open: () => Promise<FileReader>,
  offset: number,
  length: number,
): AsyncGenerator<Uint8Array> {
  if (length === 0) return;
  const reader = await open();
  const end = offset + length;
  const read = (at: number): Promise<Uint8Array> | undefined => {
    if (at >= end) return undefined;
    const part = reader.read(at, Math.min(PART_BYTES, end - at));
    // Looked at below, or not at all if the consumer gives up first.
    part.catch(() => {});
    return part;
  };
  let next = read(offset);
  try {
    for (let at = offset; next !== undefined; ) {
      const chunk: Uint8Array = await next;
      if (chunk.length === 0) throw new NacreError("corrupt", "a stored blob has become shorter");
      at += chunk.length;
      next = read(at);
      yield chunk;
    }
  } finally {
    await next?.catch(() => {});
    await reader.close();
  }
}

function gone(digest: string): NacreError {
  return new NacreError("not-found", `the blob ${digest} is not on this machine`, {
    advice: "Pull the image again, or make it of its layers anew: push --compression gzip.",
  });
}

function damaged(digest: string, reason: string): NacreError {
  return new NacreError("corrupt", `the stored blob ${digest} is damaged: ${reason}`, {
    advice: "Repair the store: nacre system check --repair; then pull the image again.",
  });
}
