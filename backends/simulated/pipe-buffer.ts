// What a pipe holds, as the kernel keeps it: sixteen pages, of which one that is written into once
// can be filled up later; and who has it open. Nothing here waits (fs/pipe.c; pipe(7), fifo(7)).

import { fail } from "./errno.ts";

const PAGE_BYTES = 4096;
const MOST_PAGES = 16;

interface Page {
  readonly bytes: Uint8Array;
  begin: number;
  end: number;
}

/** What poll(2) says of one end. */
export interface EndReadiness {
  readonly readable: boolean;
  readonly writable: boolean;
  /** The other end is closed: POLLERR for who writes, POLLHUP for who reads. */
  readonly noReaders: boolean;
  readonly noWriters: boolean;
}

export class PipeBuffer {
  readonly #pages: Page[] = [];
  readonly #ends = new Set<PipeEnd>();
  /** How many of each there have been. */
  readersEver = 0;
  writersEver = 0;
  #changed = Promise.withResolvers<void>();

  get readers(): number {
    return this.#count("read");
  }
  get writers(): number {
    return this.#count("write");
  }
  #count(access: "read" | "write"): number {
    let count = 0;
    for (const end of this.#ends) if (end[access]) count++;
    return count;
  }

  get isEmpty(): boolean {
    return this.#pages.length === 0;
  }
  get isFull(): boolean {
    return this.#pages.length >= MOST_PAGES;
  }

  /** Resolves at the next change of what is in it, or of who has it open. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }
  #notify(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  open(access: { readonly read: boolean; readonly write: boolean }): PipeEnd {
    const end = new PipeEnd(this, access);
    this.#ends.add(end);
    if (access.read) this.readersEver++;
    if (access.write) this.writersEver++;
    this.#notify();
    return end;
  }

  /** With its last end goes what was in it. */
  close(end: PipeEnd): void {
    if (!this.#ends.delete(end)) return;
    if (this.#ends.size === 0) this.#pages.length = 0;
    this.#notify();
  }

  /** At most so many bytes, from as many pages as it takes. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const taken = new Uint8Array(Math.min(length, this.#size));
    let at = 0;
    while (at < taken.length) {
      const page = this.#pages[0] as Page;
      const part = page.bytes.subarray(
        page.begin,
        Math.min(page.end, page.begin + taken.length - at),
      );
      taken.set(part, at);
      at += part.length;
      page.begin += part.length;
      if (page.begin === page.end) this.#pages.shift();
    }
    if (at > 0) this.#notify();
    return taken;
  }
  get #size(): number {
    return this.#pages.reduce((sum, { begin, end }) => sum + end - begin, 0);
  }

  /** As much as there are pages for; what is left of whole pages may fill up the last one. */
  put(bytes: Uint8Array): number {
    let at = this.#fillUp(bytes.subarray(0, bytes.length % PAGE_BYTES));
    while (at < bytes.length && !this.isFull) {
      const part = bytes.subarray(at, at + PAGE_BYTES);
      const page = new Uint8Array(PAGE_BYTES);
      page.set(part);
      this.#pages.push({ bytes: page, begin: 0, end: part.length });
      at += part.length;
    }
    if (at > 0) this.#notify();
    return at;
  }

  #fillUp(rest: Uint8Array): number {
    const last = this.#pages.at(-1);
    if (!last || rest.length === 0 || last.end + rest.length > PAGE_BYTES) return 0;
    last.bytes.set(rest, last.end);
    last.end += rest.length;
    return rest.length;
  }
}

/** One open file description of a pipe, as with O_NONBLOCK. */
export class PipeEnd {
  readonly buffer: PipeBuffer;
  readonly read: boolean;
  readonly write: boolean;
  /** A reader hears of no end before it has had a writer. */
  readonly #writersBefore: number;

  constructor(buffer: PipeBuffer, access: { readonly read: boolean; readonly write: boolean }) {
    this.buffer = buffer;
    this.read = access.read;
    this.write = access.write;
    this.#writersBefore = buffer.writers > 0 ? -1 : buffer.writersEver;
  }

  /** Nothing at the end; EAGAIN while somebody could still write. */
  receive(length: number): Uint8Array<ArrayBuffer> {
    if (length > 0 && this.buffer.isEmpty && this.buffer.writers > 0) fail("EAGAIN");
    return this.buffer.take(length);
  }

  /** EPIPE without readers; EAGAIN where there is no room at all. */
  send(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    if (this.buffer.readers === 0) fail("EPIPE");
    return this.buffer.put(bytes) || fail("EAGAIN");
  }

  get readiness(): EndReadiness {
    const { buffer } = this;
    return {
      readable: this.read && !buffer.isEmpty,
      writable: this.write && !buffer.isFull,
      noReaders: this.write && buffer.readers === 0,
      noWriters: this.read && buffer.writers === 0 && buffer.writersEver !== this.#writersBefore,
    };
  }

  close(): void {
    this.buffer.close(this);
  }
}
