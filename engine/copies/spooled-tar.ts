// A tar that waits on the disk, and what stands in it.

import type { Core } from "@nacre/core/core.ts";
import { ImageTree } from "@nacre/core/image-tree.ts";
import { LayerIndexer } from "@nacre/core/layer-index.ts";
import type { FileWriter } from "@nacre/core/ports/files.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";

export interface SpooledTar {
  readonly tree: ImageTree;
  readonly layer: StoredLayer;
}

/** Undefined of one without a byte. It can be read until `spool` is discarded. */
export async function spooledTar(
  core: Core,
  tar: AsyncIterable<Uint8Array>,
  spool: FileWriter,
): Promise<SpooledTar | undefined> {
  const indexer = new LayerIndexer(core.fork());
  for await (const chunk of tar) {
    indexer.write(chunk);
    await spool.write(chunk);
  }
  if (spool.sizeBytes === 0) return undefined;
  const layer = { diffId: `sha256:${"0".repeat(64)}`, tarBytes: spool.sizeBytes };
  const tree = ImageTree.merge(core.fork(), [{ ...layer, index: indexer.finish() }]);
  return { tree, layer: { ...layer, tarPath: spool.path, indexPath: "" } };
}
