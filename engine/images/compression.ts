// How bytes are compressed, by themselves: media types and file names are often wrong.

import type { Compression } from "@nacre/core/ports/codec.ts";

/** RFC 1952, section 2.3.1; RFC 8878, sections 3.1.1 and 3.1.2 (a skippable frame may come first). */
export function compressionOf(bytes: Uint8Array): Compression {
  const [a, b = 0, c, d] = bytes;
  if (a === 0x1f && b === 0x8b) return "gzip";
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return "zstd";
  const skippable = a !== undefined && a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18;
  return skippable ? "zstd" : "none";
}

/** The compression by its first bytes, as docker sees it. */
export async function recognise(
  source: AsyncGenerator<Uint8Array>,
): Promise<{ compression: Compression; whole: AsyncGenerator<Uint8Array> }> {
  const first = await source.next();
  const compression = compressionOf(first.done ? new Uint8Array() : first.value);
  async function* whole(): AsyncGenerator<Uint8Array> {
    try {
      if (!first.done) yield first.value;
      yield* source;
    } finally {
      await source.return(undefined);
    }
  }
  return { compression, whole: whole() };
}
