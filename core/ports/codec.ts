import { token } from "./token.ts";

export interface Hasher {
  update(bytes: Uint8Array): void;
  /** `sha256:…`; the hasher is spent. */
  digest(): string;
}

export type Compression = "none" | "gzip" | "zstd";

/**
 * Hashing and decompression at the host's speed. `decompress` yields chunks as they come, reuses
 * none of them, and throws NacreError `corrupt` on bytes that are not what they say they are.
 */
export interface Codec {
  hasher(algorithm: "sha256" | "sha512"): Hasher;
  decompress(
    compression: Compression,
    source: AsyncIterable<Uint8Array>,
  ): AsyncIterable<Uint8Array>;
}

export const Codec = token<Codec>("Codec");
