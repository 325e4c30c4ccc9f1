// bzip2, decompressed: a format without a specification of its own but for bzip2's source
// (https://sourceware.org/bzip2/), as others have written it down.
//
//   stream  "BZh" level · blocks · end
//   block   0x314159265359 · CRC-32 · randomised? · origin · symbols in use · Huffman tables ·
//           selectors · symbols
//   end     0x177245385090 · CRC-32 of all blocks
//
// A block's symbols are a run-length coding of a move-to-front list over a Burrows-Wheeler transform
// of a run-length coding of the text. All of it is bits, most significant first; streams may follow
// one another, each from a whole byte on.

import { NacreError } from "./error.ts";

const BLOCK_MARK = 0x314159265359;
const END_MARK = 0x177245385090;
const GROUP_SYMBOLS = 50;
const MOST_BITS = 20;
/** How much of a block is yielded at once. */
const CHUNK_BYTES = 256 << 10;

function damaged(why: string): NacreError {
  return new NacreError("corrupt", `the bzip2 stream is damaged: ${why}`);
}

/** CRC-32 of the most significant bit first, polynomial 0x04c11db7. */
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ (value < 0 ? 0x04c11db7 : 0);
  return value;
});

/** Bits of chunks that come one after the other. */
class Bits {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk = new Uint8Array();
  #at = 0;
  #held = 0;
  #count = 0;
  #ended = false;

  constructor(source: AsyncIterator<Uint8Array>) {
    this.#source = source;
  }

  /**
   * Has so many bytes in reach, or all that there are. What is read after this need not wait: a
   * block's end is within its largest size.
   */
  async ready(bytes: number): Promise<void> {
    const parts = [this.#chunk.subarray(this.#at)];
    let size = parts[0]?.length ?? 0;
    while (size < bytes && !this.#ended) {
      const next = await this.#source.next();
      if (next.done) this.#ended = true;
      else {
        parts.push(Uint8Array.from(next.value));
        size += next.value.length;
      }
    }
    if (parts.length === 1) return;
    this.#chunk = new Uint8Array(size);
    this.#at = 0;
    let to = 0;
    for (const part of parts) {
      this.#chunk.set(part, to);
      to += part.length;
    }
  }

  /** Up to 24 at once. NacreError `corrupt` at the end. */
  read(count: number): number {
    while (this.#count < count) {
      const byte = this.#chunk[this.#at++];
      if (byte === undefined) throw damaged("it is cut");
      this.#held = ((this.#held << 8) | byte) >>> 0;
      this.#count += 8;
      if (this.#count > 24) break;
    }
    this.#count -= count;
    return (this.#held >>> this.#count) & ((1 << count) - 1);
  }

  read32(): number {
    return ((this.read(16) << 16) | this.read(16)) >>> 0;
  }

  read48(): number {
    return this.read(24) * 2 ** 24 + this.read(24);
  }

  toWholeByte(): void {
    this.#count -= this.#count % 8;
  }

  /** Whether nothing follows. */
  get atEnd(): boolean {
    return this.#count < 8 && this.#at >= this.#chunk.length;
  }
}

/** A Huffman table: the codes of a length are consecutive. */
interface Table {
  readonly least: number;
  /** By length: the last code, and what is taken off a code for its place in `symbols`. */
  readonly limits: Int32Array;
  readonly bases: Int32Array;
  readonly symbols: Uint16Array;
}

function tableOf(lengths: Uint8Array): Table {
  const symbols = new Uint16Array(lengths.length);
  const [limits, bases] = [new Int32Array(MOST_BITS + 2), new Int32Array(MOST_BITS + 2)];
  let [code, place] = [0, 0];
  const least = lengths.reduce((min, one) => Math.min(min, one), MOST_BITS);
  for (let length = least; length <= MOST_BITS; length++) {
    const first = code;
    for (const [symbol, own] of lengths.entries()) {
      if (own !== length) continue;
      symbols[place++] = symbol;
      code++;
    }
    limits[length] = code > first ? code - 1 : -1;
    bases[length] = code - place;
    code <<= 1;
  }
  return { least, limits, bases, symbols };
}

function symbolOf(bits: Bits, { least, limits, bases, symbols }: Table): number {
  let code = bits.read(least);
  for (let length = least; length <= MOST_BITS; length++) {
    if (code <= (limits[length] ?? -1)) {
      const symbol = symbols[code - (bases[length] ?? 0)];
      if (symbol === undefined) break;
      return symbol;
    }
    code = (code << 1) | bits.read(1);
  }
  throw damaged("a code that no symbol has");
}

/** The bytes that a block has, in their order. */
function usedBytes(bits: Bits): number[] {
  const ranges = bits.read(16);
  const used: number[] = [];
  for (let range = 0; range < 16; range++) {
    if (!(ranges & (0x8000 >> range))) continue;
    const within = bits.read(16);
    for (let one = 0; one < 16; one++) if (within & (0x8000 >> one)) used.push(range * 16 + one);
  }
  if (used.length === 0) throw damaged("a block without bytes");
  return used;
}

function selectorsOf(bits: Bits, tables: number): Uint8Array {
  const selectors = new Uint8Array(bits.read(15));
  if (selectors.length === 0) throw damaged("a block without groups");
  const order = Array.from({ length: tables }, (_, n) => n);
  for (let n = 0; n < selectors.length; n++) {
    let place = 0;
    while (bits.read(1) === 1) if (++place >= tables) throw damaged("a table that is not there");
    const [table = 0] = order.splice(place, 1);
    order.unshift(table);
    selectors[n] = table;
  }
  return selectors;
}

function lengthsOf(bits: Bits, symbols: number): Uint8Array {
  const lengths = new Uint8Array(symbols);
  let length = bits.read(5);
  for (let n = 0; n < symbols; n++) {
    while (bits.read(1) === 1) length += bits.read(1) === 0 ? 1 : -1;
    if (length < 1 || length > MOST_BITS) throw damaged("a code of no length");
    lengths[n] = length;
  }
  return lengths;
}

/** The transformed text of a block, each byte with room for the link that inverts the transform. */
function symbolsOf(bits: Bits, text: Uint32Array): number {
  const front = usedBytes(bits);
  const end = front.length + 1;
  const count = bits.read(3);
  if (count < 2 || count > 6) throw damaged("so many tables are not allowed");
  const selectors = selectorsOf(bits, count);
  const tables = Array.from({ length: count }, () => tableOf(lengthsOf(bits, end + 1)));
  let [size, run, bit] = [0, 0, 1];
  for (let n = 0; ; n++) {
    const table = tables[selectors[Math.floor(n / GROUP_SYMBOLS)] ?? count];
    if (!table) throw damaged("a group that is not there");
    const symbol = symbolOf(bits, table);
    if (symbol <= 1) {
      run += bit << symbol;
      bit <<= 1;
      if (run > text.length) throw damaged("a block that is too long");
      continue;
    }
    if (size + run + (symbol === end ? 0 : 1) > text.length)
      throw damaged("a block that is too long");
    text.fill(front[0] ?? 0, size, size + run);
    size += run;
    [run, bit] = [0, 1];
    if (symbol === end) return size;
    const [byte = 0] = front.splice(symbol - 1, 1);
    front.unshift(byte);
    text[size++] = byte;
  }
}

/** Links each byte of the transformed text to the next one of the text: above its own eight bits. */
function link(text: Uint32Array, size: number): void {
  const starts = new Uint32Array(257);
  for (let n = 0; n < size; n++) starts[((text[n] ?? 0) & 0xff) + 1]!++;
  for (let byte = 0; byte < 256; byte++) starts[byte + 1]! += starts[byte]!;
  for (let n = 0; n < size; n++) text[starts[(text[n] ?? 0) & 0xff]!++]! |= n << 8;
}

/** A block's text: after four equal bytes comes how often more. */
function* textOf(text: Uint32Array, size: number, origin: number, crc: { value: number }) {
  let out = new Uint8Array(CHUNK_BYTES);
  let [at, to, equal, before] = [(text[origin] ?? 0) >>> 8, 0, 0, -1];
  for (let n = 0; n < size; n++) {
    const entry = text[at] ?? 0;
    at = entry >>> 8;
    const byte = entry & 0xff;
    const repeats = equal === 4 ? byte : 1;
    const value = equal === 4 ? before : byte;
    equal = equal === 4 ? 0 : byte === before ? equal + 1 : 1;
    before = value;
    if (to + repeats > out.length) {
      yield out.subarray(0, to);
      [out, to] = [new Uint8Array(CHUNK_BYTES), 0];
    }
    for (let more = 0; more < repeats; more++) {
      out[to++] = value;
      crc.value = (crc.value << 8) ^ CRC[((crc.value >>> 24) ^ value) & 0xff]!;
    }
  }
  yield out.subarray(0, to);
}

/** NacreError `corrupt`; `unsupported` for the randomised blocks that bzip2 wrote until 0.9.5. */
export async function* unpackBzip2(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  const bits = new Bits(chunks);
  try {
    do yield* streamOf(bits);
    while (!(await ended(bits)));
  } finally {
    await chunks.return?.();
  }
}

async function ended(bits: Bits): Promise<boolean> {
  bits.toWholeByte();
  await bits.ready(4);
  return bits.atEnd;
}

async function* streamOf(bits: Bits): AsyncGenerator<Uint8Array> {
  await bits.ready(4);
  if (bits.read(24) !== 0x425a68) throw damaged("other bytes follow its end");
  const level = bits.read(8) - 0x30;
  if (level < 1 || level > 9) throw damaged("its blocks have no size");
  const text = new Uint32Array(level * 100_000);
  let all = 0;
  for (;;) {
    // A block that cannot be compressed is some hundredths larger, and its tables take 30 kB at most.
    await bits.ready(level * 125_000 + 65_536);
    const mark = bits.read48();
    const expected = bits.read32();
    if (mark === END_MARK) {
      if (expected !== all >>> 0) throw damaged("its checksum differs");
      return;
    }
    if (mark !== BLOCK_MARK) throw damaged("neither a block nor an end follows");
    if (bits.read(1) === 1) {
      throw new NacreError("unsupported", "the bzip2 stream has randomised blocks", {
        advice: "Compress it anew: no bzip2 since 1999 writes them.",
      });
    }
    const origin = bits.read(24);
    const size = symbolsOf(bits, text);
    if (origin >= size) throw damaged("a block begins outside of itself");
    link(text, size);
    const crc = { value: -1 };
    yield* textOf(text, size, origin, crc);
    if (~crc.value >>> 0 !== expected) throw damaged("a block's checksum differs");
    all = ((all << 1) | (all >>> 31)) ^ expected;
  }
}
