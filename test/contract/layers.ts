// Layers and their places, for tests of snapshotters: stored as the engine's layer store does.

import { createHash } from "node:crypto";
import { chainId } from "@nacre/core/digest.ts";
import { LayerIndexer } from "@nacre/core/layer-index.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import type { StatePaths } from "@nacre/engine/images/paths.ts";
import { wasmCore } from "../core/wasm-core.ts";
import { type TarEntry, tar } from "../images/tar.ts";

export async function storeLayer(
  files: Files,
  paths: StatePaths,
  entries: readonly TarEntry[],
): Promise<StoredLayer> {
  return storeTar(files, paths, tar(entries));
}

export function storeTar(files: Files, paths: StatePaths, bytes: Uint8Array): StoredLayer {
  const diffId = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const indexer = new LayerIndexer(wasmCore());
  indexer.write(bytes);
  files.makeDirectory(paths.layers);
  files.replace(paths.layerTar(diffId), bytes);
  files.replace(paths.layerIndex(diffId), indexer.finish());
  return {
    diffId,
    tarPath: paths.layerTar(diffId),
    tarBytes: bytes.length,
    indexPath: paths.layerIndex(diffId),
  };
}

export function chainIdOf(layers: readonly StoredLayer[]): string {
  return chainId(
    wasmCore(),
    layers.map((layer) => layer.diffId),
  );
}
