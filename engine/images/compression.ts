// How bytes are compressed, by themselves: media types and file names are often wrong.

import type { ArchiveCompression, Compression } from "@nacre/core/ports/codec.ts";

/** xz file format, section 2.1.1.1. */
const XZ = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0];
/** "BZh". */
const BZIP2 = [0x42, 0x5a, 0x68];

/** RFC 1952, section 2.3.1; RFC 8878, sections 3.1.1 and 3.1.2 (a skippable frame may come first). */
export function compressionOf(bytes: Uint8Array): Compression {
  const [a, b = 0, c, d] = bytes;
  if (a === 0x1f && b === 0x8b) return "gzip";
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return "zstd";
  const skippable = a !== undefined && a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18;
  return skippable ? "zstd" : "none";
}

/** The compression of an archive by its first bytes, as docker sees it. */
export async function recognise(
  from: AsyncIterable<Uint8Array>,
): Promise<{ compression: ArchiveCompression; whole: AsyncGenerator<Uint8Array> }> {
  const source = asGenerator(from);
  const first = await source.next();
  const head = first.done ? new Uint8Array() : first.value;
  const begins = (magic: readonly number[]) => magic.every((byte, at) => head[at] === byte);
  const compression = begins(XZ) ? "xz" : begins(BZIP2) ? "bzip2" : compressionOf(head);
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

async function* asGenerator(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* source;
}
