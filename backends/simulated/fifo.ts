// Named pipes (fifo(7)): a name in a file system by which processes find the same pipe. What is in
// it is nowhere else, and goes when nobody has it open.

import { fail } from "./errno.ts";
import type { Inode } from "./inode.ts";
import { type Descriptor, shared } from "./pipe.ts";
import { PipeBuffer, type PipeEnd } from "./pipe-buffer.ts";

interface Access {
  readonly read: boolean;
  readonly write: boolean;
}

const buffers = new WeakMap<Inode, PipeBuffer>();

function bufferOf(inode: Inode): PipeBuffer {
  const buffer = buffers.get(inode) ?? new PipeBuffer();
  buffers.set(inode, buffer);
  return buffer;
}

/** open(2) with O_NONBLOCK: ENXIO for a writer that nobody reads from. */
export function openFifo(inode: Inode, access: Access): PipeEnd {
  const buffer = bufferOf(inode);
  if (access.write && !access.read && buffer.readers === 0) fail("ENXIO");
  return buffer.open(access);
}

const READ_BYTES = 64 << 10;

/** A fifo as a program has it open: whatever cannot be done at once waits. */
class OpenFifo {
  readonly #end: PipeEnd;
  readonly #inode: Inode;
  /** Whether the other end is, or has been, open. */
  readonly #hasPartner: () => boolean;

  constructor(inode: Inode, access: Access) {
    const buffer = bufferOf(inode);
    const { readersEver, writersEver } = buffer;
    const others = access.read ? buffer.writers : buffer.readers;
    const alone = others === 0 && !(access.read && access.write);
    this.#hasPartner = () =>
      !alone ||
      (access.read ? buffer.writersEver !== writersEver : buffer.readersEver !== readersEver);
    this.#inode = inode;
    this.#end = buffer.open(access);
  }

  /** open(2) comes back when the other end is open, too, even if it is closed again by then. */
  async opened(): Promise<void> {
    while (!this.#hasPartner()) await this.#end.buffer.changed;
  }

  async read(wanted: () => boolean = () => true): Promise<Uint8Array | undefined> {
    if (!this.#end.read) fail("EBADF");
    await this.opened();
    const { buffer } = this.#end;
    while (wanted() && buffer.isEmpty && buffer.writers > 0) await buffer.changed;
    if (!wanted()) return undefined;
    const bytes = buffer.take(READ_BYTES);
    return bytes.length > 0 ? bytes : undefined;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#end.write) fail("EBADF");
    await this.opened();
    const { buffer } = this.#end;
    for (let at = 0; at < bytes.length; ) {
      if (buffer.readers === 0) fail("EPIPE");
      const put = buffer.put(bytes.subarray(at));
      at += put;
      if (put === 0) await buffer.changed;
      else this.#inode.noteWrite();
    }
  }

  close(): void {
    this.#end.close();
  }
}

/** open(2) without O_NONBLOCK: `opened` says when it has come back. */
export function fifoDescriptor(inode: Inode, access: Access, closed: () => void): Descriptor {
  const fifo = new OpenFifo(inode, access);
  return shared(fifo, () => {
    fifo.close();
    closed();
  });
}
