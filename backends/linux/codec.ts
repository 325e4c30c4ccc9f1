// Hashing and decompression by the addon or by Node. Both inflate in libuv's thread pool, and the
// addon hashes there, so the caller's thread is free for the socket and to index; large chunks keep
// the number of hand-overs small, and their buffers are used again: V8 collects garbage whenever
// enough of them have been made, which took a quarter of a pull's time.

import {
  createGunzip,
  createGzip,
  createZstdCompress,
  createZstdDecompress,
  type Gunzip,
  type ZstdDecompress,
} from "node:zlib";
import { unpackBzip2 } from "@nacre/core/bzip2.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ArchiveCompression, Codec, Hasher } from "@nacre/core/ports/codec.ts";
import { type Addon, type InflateLibrary, type InflaterHandle, loadAddon } from "./addon.ts";
import { LinuxHasher } from "./hasher.ts";
import { inflateMembers } from "./inflate.ts";
import { unpackXz } from "./xz.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/** What one step of decompression gives at most. Larger ones fall out of the processor's cache before they are hashed. */
const CHUNK_BYTES = 512 * 1024;

/** What may inflate gzip, the fastest first: `node` are the streams of node:zlib. */
export type Inflating = InflateLibrary | "node";
const INFLATING: readonly Inflating[] = ["isal", "zlib", "node"];

/** How many buffers wait to be used again: those of some layers at once. */
const KEPT_BUFFERS = 16;

export class LinuxCodec implements Codec {
  readonly #addonPath: string | undefined;
  readonly #inflating: readonly Inflating[];
  readonly #issued = new WeakSet<ArrayBufferLike>();
  readonly #free: Uint8Array[] = [];
  #addon: Addon | undefined | null = null;

  /** `addonPath`: that of addon.node, if there is one; `inflating`: what may be used, in this order. */
  constructor(addonPath?: string, inflating = INFLATING) {
    this.#addonPath = addonPath;
    this.#inflating = inflating;
  }

  hasher(algorithm: "sha256" | "sha512"): Hasher {
    return new LinuxHasher(algorithm, () => this.#loaded());
  }

  decompress(
    compression: ArchiveCompression,
    source: AsyncIterable<Uint8Array>,
  ): AsyncIterable<Uint8Array> {
    if (compression === "none") return copied(source);
    if (compression === "xz") return unpackXz(source);
    if (compression === "bzip2") return unpackBzip2(source);
    if (compression === "zstd") return inflate("zstd", byFrames(source));
    for (const inflating of this.#inflating) {
      if (inflating === "node") break;
      const inflater = this.#loaded()?.createInflater(inflating);
      if (inflater) return this.#members(inflater, source);
    }
    return inflate("gzip", source);
  }

  compress(
    source: AsyncIterable<Uint8Array>,
    compression: "gzip" | "zstd" = "gzip",
  ): AsyncIterable<Uint8Array> {
    return deflate(source, compression);
  }

  recycle(chunk: Uint8Array): void {
    if (!this.#issued.delete(chunk.buffer) || this.#free.length === KEPT_BUFFERS) return;
    this.#free.push(new Uint8Array(chunk.buffer));
  }

  #members(
    inflater: InflaterHandle,
    source: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    const take = (): Uint8Array => {
      const buffer = this.#free.pop() ?? new Uint8Array(CHUNK_BYTES);
      this.#issued.add(buffer.buffer);
      return buffer;
    };
    return inflateMembers(this.#loaded()!, inflater, source, take);
  }

  #loaded(): Addon | undefined {
    if (this.#addon === null) {
      this.#addon = this.#addonPath === undefined ? undefined : loadAddon(this.#addonPath);
    }
    return this.#addon;
  }
}

async function* copied(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield Uint8Array.from(chunk);
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

/** The libraries' own default levels; no header says when or of what. */
async function* deflate(
  source: AsyncIterable<Uint8Array>,
  compression: "gzip" | "zstd",
): AsyncGenerator<Uint8Array> {
  const options = { chunkSize: CHUNK_BYTES };
  const deflater = compression === "gzip" ? createGzip(options) : createZstdCompress(options);
  const fed = (async () => {
    for await (const chunk of source) {
      if (deflater.destroyed) return;
      await new Promise<void>((resolve) => deflater.write(chunk, () => resolve()));
    }
    deflater.end();
  })();
  // Looked at below; it also ends the loop.
  fed.catch((error) => deflater.destroy(error));
  try {
    for await (const chunk of deflater as AsyncIterable<Uint8Array>) yield chunk;
  } finally {
    deflater.destroy();
  }
  await fed;
}

async function* byFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  for await (const chunk of source) yield* frames.split(chunk);
  if (frames.lacking !== undefined) throw damaged("zstd", frames.lacking);
}

type Inflater = Gunzip | ZstdDecompress;

/** Hands the source's chunks over, each when the one before is used up. Lets go of the source in any case. */
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
    // A failure reaches whoever reads.
    await new Promise<void>((resolve) => inflater.write(chunk, () => resolve()));
  }
  inflater.end();
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
  return damaged(compression, reason, { cause });
}

function damaged(compression: string, reason: string, options?: ErrorOptions): NacreError {
  return new NacreError("corrupt", `the ${compression} stream is damaged: ${reason}`, options);
}
