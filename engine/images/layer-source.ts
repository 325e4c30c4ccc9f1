// Streams on their way into the store: gathered to sizes that are worth a system call, and kept
// while they pass.

import type { BlobWriter } from "@nacre/core/ports/content-store.ts";
import type { FileReader } from "@nacre/core/ports/files.ts";

/** A socket gives 64 KiB at most; every hand-over to the thread pool costs more than copying them. */
const GATHER_BYTES = 512 * 1024;
const READ_BYTES = 1 << 20;

/** Buffers of 512 KiB that are used again: making them anew makes V8 collect garbage all the time. */
export class GatherBuffers {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  take(): Uint8Array<ArrayBuffer> {
    return this.#free.pop() ?? new Uint8Array(GATHER_BYTES);
  }

  /** `chunk` is what `gather` made of one of these buffers. */
  giveBack(chunk: Uint8Array): void {
    this.#free.push(new Uint8Array(chunk.buffer as ArrayBuffer));
  }
}

/** The same bytes in chunks of 512 KiB, but for the last; each is the consumer's, to be given back. */
export async function* gather(
  source: AsyncIterable<Uint8Array>,
  buffers: GatherBuffers,
): AsyncGenerator<Uint8Array> {
  let buffer = buffers.take();
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + GATHER_BYTES - filled);
      buffer.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < GATHER_BYTES) continue;
      yield buffer;
      buffer = buffers.take();
      filled = 0;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

/**
 * The same chunks, each asked for while the consumer works on the one before. Whoever breaks off
 * waits for what is being asked for, but not for a `remote` source, which may take as long as its
 * server likes.
 */
export async function* ahead(
  source: AsyncIterable<Uint8Array>,
  options: { readonly remote: boolean },
): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  const ask = (): Promise<IteratorResult<Uint8Array>> => {
    const next = chunks.next();
    // Looked at below, or not at all if the consumer gives up first.
    next.catch(() => {});
    return next;
  };
  let next = ask();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = ask();
      yield value;
    }
  } finally {
    const left = chunks.return?.(undefined)?.catch(() => {});
    if (!options.remote) await left;
  }
}

/**
 * The same bytes, each chunk written to `blob` while the consumer works on it. A chunk is used up
 * when the consumer asks for the next one.
 */
export async function* kept(
  source: AsyncIterable<Uint8Array>,
  blob: BlobWriter,
  buffers: GatherBuffers,
  received: (totalBytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    const written = blob.write(chunk);
    // Looked at below, or not at all if the consumer gives up first.
    written.catch(() => {});
    yield chunk;
    await written;
    buffers.giveBack(chunk);
    received(blob.offset);
  }
}

/** Resolves when all have ended, also where one fails; then throws what the first one threw. */
export async function ended(works: readonly Promise<unknown>[]): Promise<void> {
  for (const one of await Promise.allSettled(works)) {
    if (one.status === "rejected") throw one.reason;
  }
}

/** A file from beginning to end; the next part is read while the consumer works on this one. */
export async function* contents(reader: FileReader): AsyncGenerator<Uint8Array> {
  const read = (at: number): Promise<Uint8Array> => {
    const part = reader.read(at, READ_BYTES);
    part.catch(() => {});
    return part;
  };
  try {
    let next = read(0);
    for (let at = 0; at < reader.sizeBytes; ) {
      const chunk = await next;
      if (chunk.length === 0) return;
      at += chunk.length;
      next = read(at);
      yield chunk;
    }
    await next;
  } finally {
    await reader.close();
  }
}
