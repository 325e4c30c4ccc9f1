// zstd that compresses nothing, and its reading: frames of raw blocks (RFC 8878, section 3.1.1).
// No browser has zstd, and the simulation needs its media types and its detection, not its ratio.

import { concatenate } from "@nacre/core/bytes.ts";
import { NacreError } from "@nacre/core/error.ts";

/** The magic number; no checksum, no sizes, a window of 128 KiB. */
const HEADER = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x38);
const BLOCK_LIMIT_BYTES = 128 * 1024;
const BLOCK_HEADER_BYTES = 3;

function block(bytes: Uint8Array, last: boolean): Uint8Array {
  const whole = new Uint8Array(BLOCK_HEADER_BYTES + bytes.length);
  const header = (bytes.length << 3) | (last ? 1 : 0);
  whole.set([header & 0xff, (header >> 8) & 0xff, (header >> 16) & 0xff]);
  whole.set(bytes, BLOCK_HEADER_BYTES);
  return whole;
}

/** Raw blocks (RFC 8878, 3.1.1.2): larger than what comes in, and the same bytes everywhere. */
export async function* storedZstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield HEADER.slice();
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += BLOCK_LIMIT_BYTES) {
      yield block(chunk.subarray(at, at + BLOCK_LIMIT_BYTES), false);
    }
  }
  yield block(new Uint8Array(), true);
}

/** NacreError `unsupported` for blocks that are compressed, `corrupt` for what is cut. */
export async function* storedContents(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let held = new Uint8Array();
  let begun = false;
  let ended = false;
  for await (const chunk of source) {
    held = concatenate([held, chunk]);
    for (;;) {
      if (!begun) {
        if (held.length < HEADER.length) break;
        if (!HEADER.every((byte, at) => held[at] === byte)) throw compressed();
        [begun, ended, held] = [true, false, held.slice(HEADER.length)];
      }
      if (held.length < BLOCK_HEADER_BYTES) break;
      const header = (held[0] ?? 0) | ((held[1] ?? 0) << 8) | ((held[2] ?? 0) << 16);
      if (((header >> 1) & 3) !== 0) throw compressed();
      const end = BLOCK_HEADER_BYTES + (header >> 3);
      if (held.length < end) break;
      if (end > BLOCK_HEADER_BYTES) yield held.slice(BLOCK_HEADER_BYTES, end);
      held = held.slice(end);
      if ((header & 1) === 1) [begun, ended] = [false, true];
    }
  }
  if (!ended || held.length > 0) {
    throw new NacreError("corrupt", "the zstd stream is damaged: it ends too early");
  }
}

function compressed(): NacreError {
  return new NacreError(
    "unsupported",
    "the simulated backend does not know layers that are compressed with zstd",
    { advice: "Use the linux backend." },
  );
}
