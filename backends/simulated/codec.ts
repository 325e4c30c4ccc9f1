import { unpackBzip2 } from "@nacre/core/bzip2.ts";
import type { Core } from "@nacre/core/core.ts";
import { Sha256 } from "@nacre/core/digest.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ArchiveCompression, Codec, Hasher } from "@nacre/core/ports/codec.ts";
import { storedGzip } from "./stored-gzip.ts";
import { storedContents, storedZstd } from "./stored-zstd.ts";

/** What browsers have too: the core's own SHA-256, and DecompressionStream for gzip. Of zstd it reads what it writes. */
export class SimulatedCodec implements Codec {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  hasher(algorithm: "sha256" | "sha512"): Hasher {
    if (algorithm === "sha512") throw unsupported("sha512 digests");
    const sha256 = new Sha256(this.#core);
    return {
      update: (bytes) => {
        sha256.update(bytes);
      },
      absorb: async (bytes) => {
        // Later, so that whoever changes them too early is found out.
        await undefined;
        sha256.update(bytes);
      },
      digest: () => sha256.digest(),
    };
  }

  decompress(
    compression: ArchiveCompression,
    source: AsyncIterable<Uint8Array>,
  ): AsyncIterable<Uint8Array> {
    if (compression === "none") return copied(source);
    if (compression === "bzip2") return unpackBzip2(source);
    if (compression === "xz") throw unsupported("xz");
    if (compression === "gzip") return gunzip(source);
    return storedContents(source);
  }

  compress(
    source: AsyncIterable<Uint8Array>,
    compression: "gzip" | "zstd" = "gzip",
  ): AsyncIterable<Uint8Array> {
    return compression === "gzip" ? storedGzip(source) : storedZstd(source);
  }

  /** What is still read afterwards is read wrong at once, and not only where buffers are scarce. */
  recycle(chunk: Uint8Array): void {
    chunk.fill(0xdb);
  }
}

async function* copied(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield Uint8Array.from(chunk);
}

function unsupported(what: string): NacreError {
  return new NacreError("unsupported", `the simulated backend does not know ${what}`, {
    advice: "Use the linux backend.",
  });
}

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  let sourceFailure: unknown;
  const fed = (async () => {
    try {
      for await (const chunk of source) await writer.write(Uint8Array.from(chunk));
      await writer.close();
    } catch (error) {
      sourceFailure = error;
      // The reading side learns of it; its own failure to be told is of no interest.
      await writer.abort(error).catch(() => {});
    }
  })();
  const reader = readable.getReader();
  let whole = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
    }
    whole = true;
  } catch (error) {
    await fed;
    // A TypeError is the stream's word for bytes that are no gzip; anything else is the source's.
    if (sourceFailure !== undefined && !(sourceFailure instanceof TypeError)) throw sourceFailure;
    throw new NacreError("corrupt", "the gzip stream is damaged", { cause: error });
  } finally {
    if (!whole) await reader.cancel().catch(() => {});
    await fed;
  }
}
