// How bytes are compressed, and whether they are a tar, by themselves: media types and file names
// are often wrong.

import { concatenate } from "@nacre/core/bytes.ts";
import type { ArchiveCompression, Compression } from "@nacre/core/ports/codec.ts";

/** xz file format, section 2.1.1.1. */
const XZ = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0];
/** "BZh". */
const BZIP2 = [0x42, 0x5a, 0x68];
/** The longest of all. */
const MAGIC_BYTES = XZ.length;

/** So much of a source tells a tar by its magic. */
export const TAR_HEAD_BYTES = 512;

/** RFC 1952, section 2.3.1; RFC 8878, sections 3.1.1 and 3.1.2 (a skippable frame may come first). */
export function compressionOf(bytes: Uint8Array): Compression {
  const [a, b = 0, c, d] = bytes;
  if (a === 0x1f && b === 0x8b) return "gzip";
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return "zstd";
  const skippable = a !== undefined && a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18;
  return skippable ? "zstd" : "none";
}

/** The compression of an archive by its first bytes, as docker sees it. */
export function archiveCompressionOf(head: Uint8Array): ArchiveCompression {
  const begins = (magic: readonly number[]) => magic.every((byte, at) => head[at] === byte);
  if (begins(XZ)) return "xz";
  return begins(BZIP2) ? "bzip2" : compressionOf(head);
}

/** `ustar` in the first header (pax(1), "ustar Interchange Format"); GNU's begins so too. */
export function hasTarMagic(head: Uint8Array): boolean {
  return String.fromCharCode(...head.subarray(257, 262)) === "ustar";
}

/** A source whose compression is seen, and the whole of it. */
export async function recognise(
  from: AsyncIterable<Uint8Array>,
): Promise<{ compression: ArchiveCompression; whole: AsyncGenerator<Uint8Array> }> {
  const { head, whole } = await sniff(from, MAGIC_BYTES);
  return { compression: archiveCompressionOf(head), whole };
}

/** The first `headBytes` of a source or more, all that it has if that is less; and the whole of it. */
export async function sniff(
  from: AsyncIterable<Uint8Array>,
  headBytes: number,
): Promise<{ head: Uint8Array; whole: AsyncGenerator<Uint8Array> }> {
  const source = asGenerator(from);
  let head = new Uint8Array();
  while (head.length < headBytes) {
    const { done, value } = await source.next();
    if (done) break;
    // A copy: the next chunk may be where this one was.
    head = concatenate([head, value]);
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head;
      yield* source;
    } finally {
      await source.return(undefined);
    }
  }
  return { head, whole: whole() };
}

async function* asGenerator(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* source;
}
