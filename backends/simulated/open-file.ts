// An open file description: a place in a file that all its duplicates share (open(2), dup(2)).

import { readAt, writeAt } from "./device-files.ts";
import { fail } from "./errno.ts";
import { fifoDescriptor } from "./fifo.ts";
import * as calls from "./file-calls.ts";
import type { Inode } from "./inode.ts";
import type { Machine } from "./machine.ts";
import type { Path } from "./mount.ts";
import { type Descriptor, shared } from "./pipe.ts";
import type { Process } from "./process.ts";
import type { Terminal } from "./terminal.ts";

/** The flags of open(2). */
export interface OpenHow {
  readonly read?: boolean;
  readonly write?: boolean;
  /** O_CREAT, with 0666 less the umask. */
  readonly create?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
  /** Every write goes to the end, wherever that is by then. */
  readonly append?: boolean;
  /** lseek(2) right after. */
  readonly at?: number;
}

/** Major numbers of /dev/tty and of what is in /dev/pts. */
const TTY = 5;
const PTY = 136;
const READ_BYTES = 64 << 10;

class OpenFile {
  readonly #inode: Inode;
  readonly #append: boolean;
  #offset: number;

  constructor(inode: Inode, { append = false, at = 0 }: OpenHow) {
    this.#inode = inode;
    this.#append = append;
    this.#offset = at;
  }

  async read(): Promise<Uint8Array | undefined> {
    const bytes = readAt(this.#inode, this.#offset, READ_BYTES);
    this.#offset += bytes.length;
    return bytes.length > 0 ? bytes : undefined;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const at = this.#append ? this.#inode.size : this.#offset;
    this.#offset = at + writeAt(this.#inode, at, bytes);
  }
}

/** /dev/tty, or the device of the process's own terminal: ENXIO for who has none, or another's. */
function terminalAt({ terminal }: Process, { kind, device }: Inode): Terminal | undefined {
  if (kind !== "character" || !device) return undefined;
  if (device.major === TTY && device.minor === 0) return terminal ?? fail("ENXIO");
  if (device.major !== PTY) return undefined;
  return terminal?.number === device.minor ? terminal : fail("EIO");
}

function descriptorAt(holder: Process, path: Path, how: OpenHow): Descriptor {
  const { inode } = path.dentry;
  const terminal = terminalAt(holder, inode);
  if (terminal) return terminal.slave();
  const { read = false, write = false } = how;
  const closed = (): void => {
    holder.open.delete(path);
    inode.release();
  };
  holder.open.add(path);
  inode.hold();
  if (inode.kind !== "fifo") return shared(new OpenFile(inode, how), closed);
  const descriptor = fifoDescriptor(inode, { read, write }, closed);
  // Who reads from it learns that its writer has ended, however that came.
  void holder.ended.promise.then(() => descriptor.close());
  return descriptor;
}

/** What stands for a process's own streams: links into /proc/self/fd on a real machine. */
const STREAMS: Readonly<Record<string, "stdin" | "stdout" | "stderr">> = {
  "/dev/stdin": "stdin",
  "/dev/stdout": "stdout",
  "/dev/stderr": "stderr",
  "/dev/fd/0": "stdin",
  "/dev/fd/1": "stdout",
  "/dev/fd/2": "stderr",
  "/proc/self/fd/0": "stdin",
  "/proc/self/fd/1": "stdout",
  "/proc/self/fd/2": "stderr",
};

/**
 * open(2) for a program, as a stream. /dev/stdin and its like are the process's own streams,
 * /dev/tty its terminal: ENXIO for who has none.
 */
export function openFile(
  machine: Machine,
  process: Process,
  path: string,
  how: OpenHow,
): Descriptor {
  const own = STREAMS[path];
  if (own) return process.streams[own].duplicate();
  const at = machine.as(process, () => calls.open(process, path, how));
  return descriptorAt(process, at, how);
}
