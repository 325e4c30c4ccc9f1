// How fast a pull could be at best on this machine: the time of each of the things that no pull gets
// around, with nothing else done.

import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LinuxCodec } from "@nacre/linux/codec.ts";
import { freshDisk } from "./fresh-disk.ts";
import type { Limit } from "./harness.ts";

const ADDON = fileURLToPath(new URL("../backends/linux/dist/addon.node", import.meta.url));
const CHUNK_BYTES = 1 << 20;
/** The best of them: a limit is what can be had. */
const RUNS = 3;

/** The compressed layers of a layout. */
function layersOf(layout: string): Uint8Array[] {
  const folder = join(layout, "blobs", "sha256");
  const blobs = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  return blobs.filter(([a, b]) => a === 0x1f && b === 0x8b);
}

async function inflateAlone(layers: readonly Uint8Array[]): Promise<[number, number]> {
  const codec = new LinuxCodec(ADDON);
  let inflatedBytes = 0;
  const start = performance.now();
  for (const layer of layers) {
    const source = (async function* () {
      yield layer;
    })();
    for await (const chunk of codec.decompress("gzip", source)) {
      inflatedBytes += chunk.length;
      codec.recycle(chunk);
    }
  }
  return [performance.now() - start, inflatedBytes];
}

/** The digests of so many bytes, one after the other. */
export function digestAlone(bytes: number): number {
  const chunk = Buffer.alloc(CHUNK_BYTES, "nacre");
  const start = performance.now();
  const hash = createHash("sha256");
  for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
    hash.update(chunk.subarray(0, Math.min(left, CHUNK_BYTES)));
  }
  hash.digest();
  return performance.now() - start;
}

/** As many bytes as a pull keeps, in one file on a fresh disk, flushed. */
function writeAlone(bytes: number): number {
  using disk = freshDisk();
  const chunk = Buffer.alloc(CHUNK_BYTES, "nacre");
  const start = performance.now();
  const file = openSync(join(disk.path, "bytes"), "w");
  for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
    writeSync(file, chunk, 0, Math.min(left, CHUNK_BYTES));
  }
  closeSync(file);
  disk.flush();
  return performance.now() - start;
}

export async function pullLimits(layout: string): Promise<Limit[]> {
  const layers = layersOf(layout);
  const inflating: number[] = [];
  const hashing: number[] = [];
  const writing: number[] = [];
  const packedBytes = layers.reduce((sum, { length }) => sum + length, 0);
  for (let run = 0; run < RUNS; run++) {
    const [elapsedMs, inflatedBytes] = await inflateAlone(layers);
    inflating.push(elapsedMs);
    hashing.push(digestAlone(inflatedBytes + packedBytes));
    writing.push(writeAlone(inflatedBytes + packedBytes));
  }
  return [
    { what: "inflating alone", ms: Math.min(...inflating) },
    { what: "the digests alone", ms: Math.min(...hashing) },
    { what: "the disk alone", ms: Math.min(...writing) },
  ];
}
