// The core's reader of tars beside the gzip decompression that feeds it: if it is never the slower
// one, indexing a layer while it streams by costs a pull no time on two cores.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { Core } from "@nacre/core/core.ts";
import { LayerIndexer } from "@nacre/core/layer-index.ts";
import { LinuxCodec } from "@nacre/linux/codec.ts";
import { manyFilesImage } from "../test/images/many-files.ts";
import { type Benchmark, compare } from "./harness.ts";

const WASM = fileURLToPath(new URL("../core/dist/core.wasm", import.meta.url));
/** As the codec hands it on. */
const CHUNK_BYTES = 1 << 20;

function chunks(bytes: Uint8Array): Uint8Array[] {
  const count = Math.ceil(bytes.length / CHUNK_BYTES);
  return Array.from({ length: count }, (_, i) =>
    bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES),
  );
}

function indexOnce(core: Core, tar: readonly Uint8Array[]): [number, Uint8Array] {
  const start = performance.now();
  const indexer = new LayerIndexer(core.fork());
  for (const chunk of tar) indexer.write(chunk);
  const index = indexer.finish();
  return [performance.now() - start, index];
}

async function gunzipOnce(packed: readonly Uint8Array[], expected: number): Promise<number> {
  const start = performance.now();
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* packed;
  }
  let received = 0;
  for await (const chunk of new LinuxCodec().decompress("gzip", source())) received += chunk.length;
  if (received !== expected) throw new Error(`gunzip gave ${received} bytes, not ${expected}`);
  return performance.now() - start;
}

export const tarIndex: Benchmark = {
  name: "tar-index",
  about: "the core's index of a tar, beside the decompression of that tar",
  async run({ small }) {
    const files = small ? 500 : 50_000;
    const layer = manyFilesImage(files).layers.at(-1)?.tar;
    if (!(layer instanceof Uint8Array)) throw new Error("the image has no tar in memory");
    const core = Core.fromBytes(readFileSync(WASM));
    const [tar, packed] = [chunks(layer), chunks(gzipSync(layer))];
    const hashes = new Set<string>();
    const ours = (): number => {
      const [elapsedMs, index] = indexOnce(core, tar);
      hashes.add(createHash("sha256").update(index).digest("hex").slice(0, 12));
      return elapsedMs;
    };
    const row = await compare({
      work: `index of a tar of ${files.toLocaleString("en")} files, ${layer.length >> 20} MiB`,
      ...{ atMost: 1, runs: small ? 2 : 15, peer: "gunzip", ours },
      open: () => ({
        ...{ name: "gunzip", version: `zlib ${process.versions.zlib}` },
        once: () => gunzipOnce(packed, layer.length),
      }),
      hash: () => {
        if (hashes.size === 1) return [...hashes].join();
        throw new Error("two indexes of one tar differ");
      },
    });
    return [row];
  },
};
