// What a build is given without a name: a tar as its context, or a Dockerfile alone.

import { joined } from "../roots/archive.ts";

/** gzip, zstd; and `ustar` in the first block of a tar. */
function isTarLike(bytes: Uint8Array): boolean {
  const compressed = [
    [0x1f, 0x8b],
    [0x28, 0xb5, 0x2f, 0xfd],
    [0xfd, 0x37, 0x7a, 0x58, 0x5a],
    [0x42, 0x5a, 0x68],
  ];
  if (compressed.some((magic) => magic.every((byte, at) => bytes[at] === byte))) return true;
  return new TextDecoder("latin1").decode(bytes.subarray(257, 262)) === "ustar";
}

const HEAD_BYTES = 512;

export async function beginsLikeTar(
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly isTar: boolean; readonly whole: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let size = 0;
  while (size < HEAD_BYTES) {
    const next = await iterator.next();
    if (next.done) break;
    head.push(Uint8Array.from(next.value));
    size += next.value.length;
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* head;
    for (let next = await iterator.next(); !next.done; next = await iterator.next())
      yield next.value;
  }
  return { isTar: isTarLike(joined(head, size)), whole: whole() };
}
