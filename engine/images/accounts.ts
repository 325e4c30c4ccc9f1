// Who an image knows: users are looked up at every start, so that the accounts of its root are kept
// in its record.

import type { Core } from "@nacre/core/core.ts";
import type { LayerEntry } from "@nacre/core/layer-entry.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import { mergeLayers } from "../snapshotters/stored-layers.ts";

/** Files of accounts are read whole and kept in the image's record. */
const ACCOUNTS_LIMIT_BYTES = 1 << 20;

/** /etc/passwd and /etc/group as a container of the image sees them; empty where there is none. */
export async function readAccounts(
  core: () => Core,
  files: Files,
  layers: readonly StoredLayer[],
): Promise<{ readonly passwd: string; readonly group: string }> {
  const tree = mergeLayers(core, files, layers);
  const text = async (path: string): Promise<string> => {
    const bytes = await readFile(files, layers, tree.lookup(path, true), ACCOUNTS_LIMIT_BYTES);
    return new TextDecoder().decode(bytes);
  };
  return { passwd: await text("etc/passwd"), group: await text("etc/group") };
}

/** A file's bytes from its layer's tar; none if it is no file, or larger than the limit. */
async function readFile(
  files: Files,
  layers: readonly StoredLayer[],
  entry: LayerEntry | undefined,
  limitBytes: number,
): Promise<Uint8Array> {
  const layer = entry?.layer === undefined ? undefined : layers[entry.layer];
  const isFile = entry?.kind === "file" || entry?.kind === "hard-link";
  if (!entry || !layer || !isFile || entry.size > limitBytes) return new Uint8Array();
  const bytes = new Uint8Array(entry.size);
  const reader = await files.open(layer.tarPath);
  try {
    for (const { offset, size, tarOffset } of entry.segments()) {
      bytes.set(await reader.read(tarOffset, size), offset);
    }
  } finally {
    await reader.close();
  }
  return bytes;
}
