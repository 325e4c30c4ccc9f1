// Hashing and decompression by Node's own bindings. Inflating runs in libuv's thread pool, so the
// caller's thread is free to hash and to index what came before; large chunks keep the number of
// hand-overs small.

import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";
import * as zlib from "node:zlib";
import { NacreError } from "@nacre/core/error.ts";
import type { Codec, Compression, Hasher } from "@nacre/core/ports/codec.ts";

/** What one step of decompression gives at most. Larger ones fall out of the processor's cache before they are hashed. */
const CHUNK_BYTES = 512 * 1024;

class NodeHasher implements Hasher {
  readonly #algorithm: string;
  readonly #hash: Hash;

  constructor(algorithm: "sha256" | "sha512") {
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  digest(): string {
    return `${this.#algorithm}:${this.#hash.digest("hex")}`;
  }
}

export class NodeCodec implements Codec {
  hasher(algorithm: "sha256" | "sha512"): Hasher {
    return new NodeHasher(algorithm);
  }

  decompress(
    compression: Compression,
    source: AsyncIterable<Uint8Array>,
  ): AsyncIterable<Uint8Array> {
    return compression === "none" ? source : inflate(compression, source);
  }
}

async function* inflate(
  compression: "gzip" | "zstd",
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const inflater = create(compression);
  let failure: unknown;
  const input = Readable.from(source, { objectMode: true, highWaterMark: 1 });
  input.on("error", (error) => {
    // The source's own reason, not the inflater's that follows from it.
    failure ??= error;
    inflater.destroy(error);
  });
  input.pipe(inflater);
  try {
    for await (const chunk of inflater as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    throw failure ?? corrupt(compression, error);
  } finally {
    input.destroy();
    inflater.destroy();
  }
}

function create(compression: "gzip" | "zstd") {
  const options = { chunkSize: CHUNK_BYTES, readableHighWaterMark: 2 * CHUNK_BYTES };
  // A gzip file may have several members (RFC 1952, section 2.2); Node reads them all.
  if (compression === "gzip") return zlib.createGunzip(options);
  if (typeof zlib.createZstdDecompress !== "function") {
    throw new NacreError("unsupported", "this layer is compressed with zstd", {
      advice: "Use Node 22.15 or newer.",
    });
  }
  return zlib.createZstdDecompress(options);
}

function corrupt(compression: string, cause: unknown): unknown {
  const code = (cause as { code?: unknown } | null)?.code;
  if (typeof code !== "string" || !/^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(code)) return cause;
  const reason = code === "Z_BUF_ERROR" ? "it ends too early" : (cause as Error).message;
  return new NacreError("corrupt", `the ${compression} stream is damaged: ${reason}`, { cause });
}
