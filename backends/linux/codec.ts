// Hashing and decompression by Node's own bindings. Inflating runs in libuv's thread pool, so the
// caller's thread is free to hash and to index what came before; large chunks keep the number of
// hand-overs small.

import { createHash, type Hash } from "node:crypto";
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";
import { NacreError } from "@nacre/core/error.ts";
import type { Codec, Compression, Hasher } from "@nacre/core/ports/codec.ts";
import { ZstdFrames } from "./zstd-frames.ts";

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
    if (compression === "none") return source;
    return inflate(compression, compression === "zstd" ? byFrames(source) : source);
  }
}

async function* inflate(
  compression: "gzip" | "zstd",
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const inflater = create(compression);
  const feeding = feed(inflater, source, compression);
  // Its failure also ends the loop below, and is the reason that counts.
  const failure = feeding.then(
    () => undefined,
    (error: unknown) => {
      inflater.destroy();
      return error;
    },
  );
  let ended = false;
  try {
    for await (const chunk of inflater as AsyncIterable<Uint8Array>) yield chunk;
    ended = true;
  } catch (error) {
    if (!isPremature(error)) throw corrupt(compression, error);
  } finally {
    inflater.destroy();
  }
  const reason = await failure;
  if (reason !== undefined) throw reason;
  if (!ended) throw new NacreError("internal", "a decompressor ended without a reason");
}

async function* byFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  for await (const chunk of source) yield* frames.split(chunk);
}

type Inflater = Gunzip | ZstdDecompress;

/** Hands the source's chunks over, each when there is room for it. Lets go of the source in any case. */
async function feed(
  inflater: Inflater,
  source: AsyncIterable<Uint8Array>,
  compression: string,
): Promise<void> {
  for await (const chunk of source) {
    if (inflater.destroyed) return;
    if (inflater.readableEnded) {
      throw new NacreError("corrupt", `the ${compression} stream is followed by other bytes`);
    }
    if (!inflater.write(chunk)) await room(inflater);
  }
  inflater.end();
}

function room(inflater: Inflater): Promise<void> {
  return new Promise((resolve) => {
    const events = ["drain", "end", "close"] as const;
    const done = (): void => {
      for (const event of events) inflater.off(event, done);
      resolve();
    };
    for (const event of events) inflater.on(event, done);
  });
}

/** What a reader sees when somebody else destroyed the stream. */
function isPremature(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "ERR_STREAM_PREMATURE_CLOSE" || code === "ERR_STREAM_DESTROYED";
}

function create(compression: "gzip" | "zstd"): Inflater {
  const options = { chunkSize: CHUNK_BYTES, readableHighWaterMark: 2 * CHUNK_BYTES };
  // A gzip file may have several members (RFC 1952, section 2.2); Node reads them all.
  return compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
}

function corrupt(compression: string, cause: unknown): unknown {
  const code = (cause as { code?: unknown } | null)?.code;
  if (typeof code !== "string" || !/^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(code)) return cause;
  const reason = code === "Z_BUF_ERROR" ? "it ends too early" : (cause as Error).message;
  return new NacreError("corrupt", `the ${compression} stream is damaged: ${reason}`, { cause });
}
