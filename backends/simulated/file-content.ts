// The bytes of a file in memory: pages by number, so that holes cost nothing.

const PAGE_BYTES = 64 << 10;
const BLOCK_BYTES = 4096;

const wholeBlocks = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;

export class FileContent {
  size = 0;
  /** Some have more room than was written to. */
  readonly #pages = new Map<number, Uint8Array<ArrayBuffer>>();
  /** Up to where each was written to. */
  readonly #ends = new Map<number, number>();
  /** Pages that a clone has as well: copied before they are written. */
  readonly #shared = new Set<number>();

  /** Bytes that the pages stand for on a disk of 4 KiB blocks. */
  get allocatedBytes(): number {
    let sum = 0;
    for (const end of this.#ends.values()) sum += wholeBlocks(end);
    return sum;
  }

  /** What `write` would add to `allocatedBytes`. */
  growth(offset: number, length: number): number {
    let sum = 0;
    for (let at = offset; at < offset + length; ) {
      const page = Math.floor(at / PAGE_BYTES);
      const end = Math.min(offset + length - page * PAGE_BYTES, PAGE_BYTES);
      sum += Math.max(0, wholeBlocks(end) - wholeBlocks(this.#ends.get(page) ?? 0));
      at = (page + 1) * PAGE_BYTES;
    }
    return sum;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const end = Math.min(offset + length, this.size);
    const bytes = new Uint8Array(Math.max(0, end - offset));
    for (let at = offset; at < end; ) {
      const page = Math.floor(at / PAGE_BYTES);
      const stop = Math.min(end, (page + 1) * PAGE_BYTES);
      const held = this.#pages.get(page);
      const start = at - page * PAGE_BYTES;
      if (held) bytes.set(held.subarray(start, stop - page * PAGE_BYTES), at - offset);
      at = stop;
    }
    return bytes;
  }

  write(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const page = Math.floor((offset + done) / PAGE_BYTES);
      const start = offset + done - page * PAGE_BYTES;
      const part = bytes.subarray(done, done + PAGE_BYTES - start);
      this.#page(page, start + part.length).set(part, start);
      done += part.length;
    }
    this.size = Math.max(this.size, offset + bytes.length);
  }

  /** The same bytes; pages are shared until one of the two is written. */
  clone(): FileContent {
    const copy = new FileContent();
    copy.size = this.size;
    for (const [number, page] of this.#pages) {
      copy.#pages.set(number, page);
      copy.#ends.set(number, this.#ends.get(number) ?? 0);
      copy.#shared.add(number);
      this.#shared.add(number);
    }
    return copy;
  }

  truncate(size: number): void {
    for (const [number, page] of this.#pages) {
      const kept = size - number * PAGE_BYTES;
      if (kept <= 0) {
        this.#pages.delete(number);
        this.#ends.delete(number);
      } else if (kept < page.length) {
        this.#pages.set(number, page.slice(0, kept));
        this.#ends.set(number, Math.min(kept, this.#ends.get(number) ?? 0));
      }
    }
    this.size = size;
  }

  /** The page with room for `length` bytes; a small file's one grows by doubling. */
  #page(number: number, length: number): Uint8Array<ArrayBuffer> {
    const held = this.#pages.get(number);
    this.#ends.set(number, Math.max(length, this.#ends.get(number) ?? 0));
    const mine = !this.#shared.delete(number);
    if (held && held.length >= length) {
      if (mine) return held;
      const copy = held.slice();
      this.#pages.set(number, copy);
      return copy;
    }
    const room = held ? Math.min(PAGE_BYTES, Math.max(length, held.length * 2)) : length;
    const grown = new Uint8Array(room);
    if (held) grown.set(held);
    this.#pages.set(number, grown);
    return grown;
  }
}
