// What arrives on a socket, read into memory that is used again. Node's own way makes a new buffer
// for each 64 KiB, its parser of HTTP a second one, and V8 collects them: for a layer of 100 MB that
// takes as long as its digest.
//
//   socket ─▶ 64 KiB, copied for Node's parser          heads, documents, small bodies
//          └▶ slabs of 512 KiB, handed on as they are   a large body, from when it is taken over
//
// net's `onread` gives bytes to a function and none to the stream; the parser is fed by that
// function, as the stream would feed it. TLS hands over all that it has decrypted, also after it was
// asked to pause, so what is not taken yet never lies where the next bytes go.

import type { Agent } from "node:http";
import type { Socket } from "node:net";

const COPIED_BYTES = 64 * 1024;
const SLAB_BYTES = 512 * 1024;
/** A rest of a slab that is smaller is not worth a system call. */
const MIN_READ_BYTES = 64 * 1024;

/** Memory that is filled from its beginning, and filled again when nobody holds any of it. */
interface Slab {
  readonly bytes: Uint8Array;
  filled: number;
  held: number;
}

const newSlab = (): Slab => ({ bytes: new Uint8Array(SLAB_BYTES), filled: 0, held: 0 });

export class SocketReader {
  /** As net.connect and tls.connect take it. */
  readonly onread = {
    buffer: (): Uint8Array => this.#room(),
    callback: (count: number, buffer: Uint8Array): boolean =>
      this.#arrived(buffer.subarray(0, count)),
  };
  readonly #copied = new Uint8Array(COPIED_BYTES);
  readonly #free: Slab[] = [];
  readonly #queue: { readonly chunk: Uint8Array; readonly slab: Slab | undefined }[] = [];
  #socket: Socket | undefined;
  #slab: Slab | undefined;
  #heldBytes = 0;
  #wake: (() => void) | undefined;
  #ended = false;

  /** Feeds whoever listens to the socket's data, until it is taken over. */
  feed(socket: Socket): void {
    this.#socket = socket;
  }

  /**
   * All that arrives from now on, which the socket tells nobody else; until `end`. A chunk holds
   * until the next one is asked for.
   */
  takeOver(): AsyncGenerator<Uint8Array> {
    this.#slab = newSlab();
    return this.#chunks();
  }

  /** Nothing more will arrive. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const next = this.#queue.shift();
      if (next) {
        yield next.chunk;
        this.#letGo(next.chunk, next.slab);
        continue;
      }
      if (this.#ended) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      this.#socket?.resume();
      await promise;
    }
  }

  #letGo({ length }: Uint8Array, slab: Slab | undefined): void {
    this.#heldBytes -= length;
    if (!slab || --slab.held > 0 || slab === this.#slab) return;
    slab.filled = 0;
    this.#free.push(slab);
  }

  #room(): Uint8Array {
    if (!this.#slab) return this.#copied;
    if (SLAB_BYTES - this.#slab.filled < MIN_READ_BYTES) this.#slab = this.#nextSlab(this.#slab);
    return this.#slab.bytes.subarray(this.#slab.filled);
  }

  #nextSlab(full: Slab): Slab {
    if (full.held > 0) return this.#free.pop() ?? newSlab();
    full.filled = 0;
    return full;
  }

  /** Whether more may come at once. */
  #arrived(chunk: Uint8Array): boolean {
    if (!this.#slab) {
      // A copy: nobody promises that the parser keeps none of it.
      this.#socket?.emit("data", Buffer.from(chunk));
      return true;
    }
    // What was under way when the socket was taken over came to the other buffer.
    const slab = chunk.buffer === this.#slab.bytes.buffer ? this.#slab : undefined;
    if (slab) {
      slab.filled += chunk.length;
      slab.held++;
    }
    this.#queue.push({ chunk, slab });
    this.#heldBytes += chunk.length;
    this.#wake?.();
    return this.#heldBytes < SLAB_BYTES;
  }
}

const readers = new WeakMap<Socket, SocketReader>();

/** Has all of an agent's sockets read in this way. */
export function readSockets(agent: Agent): void {
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const reader = new SocketReader();
    const socket = create({ ...options, onread: reader.onread } as typeof options, callback);
    if (socket) {
      reader.feed(socket as Socket);
      readers.set(socket as Socket, reader);
    }
    return socket;
  };
}

export const readerOf = (socket: Socket): SocketReader | undefined => readers.get(socket);
