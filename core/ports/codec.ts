import { token } from "./token.ts";

export interface Hasher {
  update(bytes: Uint8Array): void;
  /**
   * The same, where the host can in another thread: the bytes must stay as they are till it
   * resolves, and nothing else may be asked of the hasher meanwhile. For the large chunks of blobs.
   */
  absorb(bytes: Uint8Array): Promise<void>;
  /** `sha256:…`; the hasher is spent. */
  digest(): string;
}

export type Compression = "none" | "gzip" | "zstd";

/** What archives come in besides; layers of images do not. */
export type ArchiveCompression = Compression | "xz" | "bzip2";

/**
 * Hashing, compression and decompression at the host's speed.
 *
 * `compress` makes gzip, or zstd where asked, the same bytes for the same bytes in the same chunks
 * on the same host.
 *
 * `decompress` yields chunks as they come and throws NacreError `corrupt` on bytes that are not
 * what they say they are, `unsupported` for a compression that the host has not. A chunk that it
 * yields is the consumer's, who gives it to `recycle` when nobody will look at it again: its bytes
 * may be others from then on. One that is never given back costs memory, nothing else.
 *
 * Either has used up a chunk of its source when it asks for the next one.
 */
export interface Codec {
  hasher(algorithm: "sha256" | "sha512"): Hasher;
  decompress(
    compression: ArchiveCompression,
    source: AsyncIterable<Uint8Array>,
  ): AsyncIterable<Uint8Array>;
  compress(
    source: AsyncIterable<Uint8Array>,
    compression?: "gzip" | "zstd",
  ): AsyncIterable<Uint8Array>;
  recycle(chunk: Uint8Array): void;
}

export const Codec = token<Codec>("Codec");
