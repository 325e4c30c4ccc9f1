// What reading and writing a character device does, by its number (Documentation/admin-guide/
// devices.txt), and the contents of all other files through the same two calls.

import { fail } from "./errno.ts";
import { openFifo } from "./fifo.ts";
import type { Inode } from "./inode.ts";
import type { PipeEnd } from "./pipe-buffer.ts";

interface Driver {
  read(length: number): Uint8Array<ArrayBuffer>;
  write(bytes: Uint8Array): number;
}

const swallow = (bytes: Uint8Array): number => bytes.length;
const zeros = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length);

/** splitmix32: what /dev/random gives is random to nobody, so that a run repeats itself. */
function pseudoRandom(): (length: number) => Uint8Array<ArrayBuffer> {
  let state = 0x9e3779b9;
  return (length) =>
    zeros(length).map(() => {
      state = (state + 0x9e3779b9) | 0;
      let z = state ^ (state >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      return (z ^ (z >>> 15)) & 0xff;
    });
}

/** A sequence for each device file, so that one machine's reading does not change another's. */
const sequences = new WeakMap<Inode, Driver>();

function randomDriver(inode: Inode): Driver {
  const known = sequences.get(inode);
  if (known) return known;
  const made = { read: pseudoRandom(), write: swallow };
  sequences.set(inode, made);
  return made;
}

const DRIVERS: Readonly<Record<string, Driver>> = {
  "1:3": { read: () => zeros(0), write: swallow },
  "1:5": { read: zeros, write: swallow },
  "1:7": { read: zeros, write: () => fail("ENOSPC") },
};

function driverOf(inode: Inode): Driver | undefined {
  if (inode.kind !== "character" && inode.kind !== "block") return undefined;
  const number = `${inode.device?.major}:${inode.device?.minor}`;
  if (number === "1:8" || number === "1:9") return randomDriver(inode);
  return DRIVERS[number] ?? fail("ENXIO");
}

/** A fifo, as it is opened with O_NONBLOCK for this one call. */
function throughFifo<T>(inode: Inode, access: "read" | "write", call: (end: PipeEnd) => T): T {
  const end = openFifo(inode, { read: access === "read", write: access === "write" });
  try {
    return call(end);
  } finally {
    end.close();
  }
}

/**
 * One read(2) at an offset, which devices and fifos do not mind. ENXIO for a device without a
 * driver.
 */
export function readAt(inode: Inode, offset: number, length: number): Uint8Array<ArrayBuffer> {
  if (inode.kind === "fifo") return throughFifo(inode, "read", (end) => end.receive(length));
  const driver = driverOf(inode);
  return driver ? driver.read(length) : inode.read(offset, length);
}

/** One write(2): the bytes taken. */
export function writeAt(inode: Inode, offset: number, bytes: Uint8Array): number {
  if (inode.kind === "fifo") return throughFifo(inode, "write", (end) => end.send(bytes));
  const driver = driverOf(inode);
  return driver ? driver.write(bytes) : inode.write(offset, bytes);
}
