// An open file description: a place in a file that all its duplicates share (open(2), dup(2)).

import { readAt, writeAt } from "./device-files.ts";
import * as calls from "./file-calls.ts";
import type { Machine } from "./machine.ts";
import type { Path } from "./mount.ts";
import type { Descriptor } from "./pipe.ts";
import type { Process } from "./process.ts";

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
}

const READ_BYTES = 64 << 10;

class OpenFile implements Descriptor {
  readonly #path: Path;
  readonly #append: boolean;
  readonly #holder: Process;
  #offset = 0;
  #uses = 1;

  constructor(path: Path, append: boolean, holder: Process) {
    this.#path = path;
    this.#append = append;
    this.#holder = holder;
    holder.open.add(path);
  }

  async read(): Promise<Uint8Array | undefined> {
    const bytes = readAt(this.#path.dentry.inode, this.#offset, READ_BYTES);
    this.#offset += bytes.length;
    return bytes.length > 0 ? bytes : undefined;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { inode } = this.#path.dentry;
    const at = this.#append ? inode.size : this.#offset;
    this.#offset = at + writeAt(inode, at, bytes);
  }

  duplicate(): Descriptor {
    this.#uses++;
    let open = true;
    return {
      read: () => this.read(),
      write: (bytes) => this.write(bytes),
      duplicate: () => this.duplicate(),
      close: () => {
        if (open) this.close();
        open = false;
      },
    };
  }

  close(): void {
    this.#uses--;
    if (this.#uses === 0) this.#holder.open.delete(this.#path);
  }
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
  "/dev/tty": "stdout",
};

export function openFile(
  machine: Machine,
  process: Process,
  path: string,
  how: OpenHow,
): Descriptor {
  const own = STREAMS[path];
  if (own) return process.streams[own].duplicate();
  const at = machine.as(process, () => calls.open(process, path, how));
  return new OpenFile(at, how.append ?? false, process);
}
