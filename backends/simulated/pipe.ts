// Descriptors and pipes: how bytes come to a process and leave it.
// Source: pipe(7).

import { fail } from "./errno.ts";

/** Bytes that a pipe holds before who writes must wait. */
const CAPACITY_BYTES = 64 << 10;

/** One open end of something. Both calls may wait; `undefined` is the end of file. */
export interface Descriptor {
  /** Who is not `wanted` any more when something comes leaves it to the others. */
  read(wanted?: () => boolean): Promise<Uint8Array | undefined>;
  write(bytes: Uint8Array): Promise<void>;
  /** Another process has it too. */
  duplicate(): Descriptor;
  close(): void;
  /**
   * Of a terminal outside of the machine: until the result is called it passes every key as it is
   * typed, shows none by itself, and says when its size changes.
   */
  lend?(resized: (size: { rows: number; columns: number }) => void): () => void;
  /** Resolves when open(2) would have come back; absent, it has. */
  opened?(): Promise<void>;
}

/** Several processes have it; `last` is called when all of them have closed it. */
export function shared(
  file: Pick<Descriptor, "read" | "write" | "opened">,
  last: () => void,
): Descriptor {
  let uses = 0;
  const use = (): Descriptor => {
    let open = true;
    uses++;
    return {
      read: (wanted) => file.read(wanted),
      write: (bytes) => file.write(bytes),
      opened: async () => file.opened?.(),
      duplicate: use,
      close: () => {
        if (!open) return;
        open = false;
        uses--;
        if (uses === 0) last();
      },
    };
  };
  return use();
}

/** /dev/null, or a descriptor that is not open for anything. */
export class NullDescriptor implements Descriptor {
  async read(): Promise<undefined> {}
  async write(): Promise<void> {}
  duplicate(): Descriptor {
    return this;
  }
  close(): void {}
}

export class Pipe {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #readers = 0;
  #writers = 0;
  #sealed = false;
  #changed = Promise.withResolvers<void>();

  #notify(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  /** What is in it can still be read; nothing comes any more, whoever still has the other end. */
  seal(): void {
    this.#sealed = true;
    this.#notify();
  }

  readEnd(): Descriptor {
    this.#readers++;
    return this.#end("read");
  }
  writeEnd(): Descriptor {
    this.#writers++;
    return this.#end("write");
  }

  #end(kind: "read" | "write"): Descriptor {
    let open = true;
    return {
      read: (wanted) => (kind === "read" ? this.#read(wanted) : fail("EBADF")),
      write: (bytes) => (kind === "write" ? this.#write(bytes) : fail("EBADF")),
      duplicate: () => (kind === "read" ? this.readEnd() : this.writeEnd()),
      close: () => {
        if (!open) return;
        open = false;
        if (kind === "read") this.#readers--;
        else this.#writers--;
        this.#notify();
      },
    };
  }

  async #read(wanted: () => boolean = () => true): Promise<Uint8Array | undefined> {
    for (;;) {
      if (!wanted()) return undefined;
      const chunk = this.#chunks.shift();
      if (chunk) {
        this.#bytes -= chunk.length;
        this.#notify();
        return chunk;
      }
      if (this.#writers === 0 || this.#sealed) return undefined;
      await this.#changed.promise;
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    const full = (): boolean => this.#bytes >= CAPACITY_BYTES;
    while (this.#readers > 0 && !this.#sealed && full()) await this.#changed.promise;
    if (this.#readers === 0 || this.#sealed) fail("EPIPE");
    this.#chunks.push(bytes.slice());
    this.#bytes += bytes.length;
    this.#notify();
  }
}

/** What a descriptor gives, as a web stream; canceling it closes the descriptor. */
export function readable(from: Descriptor): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = await from.read();
      if (chunk) return controller.enqueue(chunk);
      from.close();
      controller.close();
    },
    cancel() {
      from.close();
    },
  });
}

/** A web stream that writes to a descriptor and closes it. */
export function writable(to: Descriptor): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    write: (chunk) => to.write(chunk),
    close() {
      to.close();
    },
    abort() {
      to.close();
    },
  });
}
