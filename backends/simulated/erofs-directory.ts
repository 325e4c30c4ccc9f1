// A directory of an EROFS image: blocks, each an array of entries of 12 bytes and behind it their
// names. All names are in the order of their bytes, "." and ".." among them, so that a name is
// found by halving: first the blocks by their first names, then the entries of one.
// Source: Linux, fs/erofs/dir.c, namei.c.

import type { ErofsImage } from "./erofs-image.ts";
import { type ErofsInode, readData, textOf } from "./erofs-inode.ts";
import { fail } from "./errno.ts";

const ENTRY_BYTES = 12;
const NAME_MAX_BYTES = 255;
const encoder = new TextEncoder();

interface Entry {
  readonly name: Uint8Array;
  readonly number: number;
}

class Block {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly count: number;

  /** EUCLEAN where the first name is not behind at least one entry. */
  constructor(bytes: Uint8Array<ArrayBuffer>, blockBytes: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < ENTRY_BYTES) fail("EUCLEAN");
    const first = this.#view.getUint16(8, true);
    if (first < ENTRY_BYTES || first >= blockBytes) fail("EUCLEAN");
    this.count = Math.floor(first / ENTRY_BYTES);
  }

  #nameAt(entry: number): number {
    const at = entry * ENTRY_BYTES + 8;
    return at + 2 <= this.#bytes.length ? this.#view.getUint16(at, true) : fail("EUCLEAN");
  }

  /** The last name ends with the block, or with a zero. */
  entry(entry: number): Entry {
    const from = this.#nameAt(entry);
    let to = this.#bytes.length;
    if (entry + 1 < this.count) to = this.#nameAt(entry + 1);
    else {
      const zero = this.#bytes.indexOf(0, from);
      if (zero >= 0) to = zero;
    }
    const length = to - from;
    if (length <= 0 || length > NAME_MAX_BYTES || to > this.#bytes.length) fail("EUCLEAN");
    const number = Number(this.#view.getBigUint64(entry * ENTRY_BYTES, true));
    return { name: this.#bytes.subarray(from, to), number };
  }
}

function order(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const difference = (a[at] as number) - (b[at] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The last of `count` things whose name is not behind `name`; undefined if all are. */
function lastUpTo(
  count: number,
  name: Uint8Array,
  at: (n: number) => Uint8Array,
): number | undefined {
  let low = 0;
  let high = count - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (order(name, at(middle)) < 0) high = middle - 1;
    else low = middle + 1;
  }
  return high < 0 ? undefined : high;
}

export class ErofsDirectory {
  readonly #image: ErofsImage;
  readonly #inode: ErofsInode;
  readonly #blocks = new Map<number, Block>();

  constructor(image: ErofsImage, inode: ErofsInode) {
    this.#image = image;
    this.#inode = inode;
  }

  get #count(): number {
    return Math.ceil(this.#inode.size / this.#image.blockBytes);
  }

  #block(number: number): Block {
    const known = this.#blocks.get(number);
    if (known) return known;
    const { blockBytes } = this.#image;
    const bytes = readData(this.#image, this.#inode, number * blockBytes, blockBytes);
    const made = new Block(bytes, blockBytes);
    this.#blocks.set(number, made);
    return made;
  }

  /** Names and inodes, without "." and "..". */
  *entries(): Generator<readonly [name: string, inode: number]> {
    for (let number = 0; number < this.#count; number++) {
      const block = this.#block(number);
      for (let n = 0; n < block.count; n++) {
        const { name, number: inode } = block.entry(n);
        const text = textOf(name);
        if (text !== "." && text !== "..") yield [text, inode];
      }
    }
  }

  /** The number of the inode that a name leads to. */
  find(name: string): number | undefined {
    // Bytes that are no text have no way back from what they are shown as.
    if (name.includes("\ufffd")) return new Map(this.entries()).get(name);
    const wanted = encoder.encode(name);
    const number = lastUpTo(this.#count, wanted, (n) => this.#block(n).entry(0).name);
    if (number === undefined) return undefined;
    const block = this.#block(number);
    const at = lastUpTo(block.count, wanted, (n) => block.entry(n).name);
    const entry = at === undefined ? undefined : block.entry(at);
    return entry && order(entry.name, wanted) === 0 ? entry.number : undefined;
  }
}
