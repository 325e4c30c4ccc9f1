// gzip that compresses nothing: its bytes come at once and are the same on every host, while a
// CompressionStream has threads of its own, which no seed repeats. RFC 1951, section 3.2.4 (stored
// blocks); RFC 1952, section 2.3.

const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
const BLOCK_LIMIT_BYTES = 0xffff;
const POLYNOMIAL = 0xedb88320;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0);
  return value;
});

function crc32(before: number, bytes: Uint8Array): number {
  let crc = ~before;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number);
  return ~crc;
}

/** A stored block; the last one has none behind it. */
function block(bytes: Uint8Array, last: boolean): Uint8Array {
  const whole = new Uint8Array(5 + bytes.length);
  const view = new DataView(whole.buffer);
  view.setUint8(0, last ? 1 : 0);
  view.setUint16(1, bytes.length, true);
  view.setUint16(3, ~bytes.length & 0xffff, true);
  whole.set(bytes, 5);
  return whole;
}

/**
 * Blocks that are stored as they are (RFC 1951, 3.2.4): larger than what comes in, and the same
 * bytes everywhere.
 */
export async function* storedGzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield HEADER.slice();
  let crc = 0;
  let size = 0;
  for await (const chunk of source) {
    crc = crc32(crc, chunk);
    size += chunk.length;
    for (let at = 0; at < chunk.length; at += BLOCK_LIMIT_BYTES) {
      yield block(chunk.subarray(at, at + BLOCK_LIMIT_BYTES), false);
    }
  }
  yield block(new Uint8Array(), true);
  const trailer = new DataView(new ArrayBuffer(8));
  trailer.setUint32(0, crc >>> 0, true);
  trailer.setUint32(4, size >>> 0, true);
  yield new Uint8Array(trailer.buffer);
}
