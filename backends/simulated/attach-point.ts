// Where others attach to the streams of a detached program: nacre-init's attach.c, without a socket.

import type { AttachedStreams } from "@nacre/core/ports/kernel.ts";
import type { OutputChunk } from "@nacre/core/program/attach-frames.ts";

/** What one who does not read has waiting for him, before the program must wait. */
const ROOM_BYTES = 32 << 10;

/** What of the program is to be had, beside its output. */
export interface AttachInput {
  write(bytes: Uint8Array): Promise<void>;
  resize(rows: number, columns: number): void;
}

class Listener {
  readonly #chunks: OutputChunk[] = [];
  #bytes = 0;
  #ended = false;
  #changed = Promise.withResolvers<void>();

  async push(chunk: OutputChunk): Promise<void> {
    while (this.#bytes > ROOM_BYTES && !this.#ended) await this.#changed.promise;
    if (this.#ended) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.bytes.length;
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  async *output(): AsyncGenerator<OutputChunk> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        this.#bytes -= chunk.bytes.length;
        this.#notify();
        yield chunk;
      } else if (this.#ended) return;
      else await this.#changed.promise;
    }
  }

  #notify(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}

export class AttachPoint {
  readonly #listeners = new Set<Listener>();
  readonly #input: AttachInput;

  constructor(input: AttachInput) {
    this.#input = input;
  }

  /** Resolves when all have room for more. */
  async emit(chunk: OutputChunk): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener.push(chunk)));
  }

  attach(): AttachedStreams {
    const listener = new Listener();
    this.#listeners.add(listener);
    return {
      output: listener.output(),
      // What nobody reads goes nowhere.
      write: (bytes) => this.#input.write(bytes).catch(() => {}),
      resize: (rows, columns) => this.#input.resize(rows, columns),
      close: () => {
        this.#listeners.delete(listener);
        listener.end();
      },
    };
  }

  end(): void {
    for (const listener of this.#listeners) listener.end();
  }
}
