// Layers for tests: tars made indexes, indexes merged.

import { createHash } from "node:crypto";
import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { ImageTree, type Layer } from "@nacre/core/image-tree.ts";
import type { LayerEntry } from "@nacre/core/layer-entry.ts";
import { LayerIndexer } from "@nacre/core/layer-index.ts";

/** The index of a tar that comes in chunks of `step` bytes. */
export function indexOf(core: Core, tar: Uint8Array, step = 1 << 16): Uint8Array<ArrayBuffer> {
  const indexer = new LayerIndexer(core);
  for (let at = 0; at < tar.length; at += step) indexer.write(tar.subarray(at, at + step));
  return indexer.finish();
}

export function layerOf(core: Core, tar: Uint8Array): Layer {
  const digest = createHash("sha256").update(tar).digest("hex");
  return { index: indexOf(core, tar), diffId: `sha256:${digest}`, tarBytes: tar.length };
}

/** The tars as layers, bottom first. */
export function treeOf(core: Core, ...tars: readonly Uint8Array[]): ImageTree {
  return ImageTree.merge(
    core,
    tars.map((tar) => layerOf(core, tar)),
  );
}

/** All of an entry that is set, as plain data. */
export function plain(entry: LayerEntry): Record<string, unknown> {
  const flags = ["opaque", "implicit", "inherited"] as const;
  return {
    path: entry.path,
    kind: entry.kind,
    mode: entry.mode,
    owner: `${entry.uid}:${entry.gid}`,
    mtime: `${entry.mtimeSeconds}.${String(entry.mtimeNanoseconds).padStart(9, "0")}`,
    ...(entry.target === "" ? {} : { target: entry.target }),
    ...(entry.size === 0 ? {} : { size: entry.size, segments: entry.segments() }),
    ...(entry.deviceMajor === 0 ? {} : { device: [entry.deviceMajor, entry.deviceMinor] }),
    ...Object.fromEntries(flags.filter((flag) => entry[flag]).map((flag) => [flag, true])),
    ...(entry.xattrs().length === 0
      ? {}
      : { xattrs: entry.xattrs().map((x) => [x.name, Buffer.from(x.value).toString("latin1")]) }),
  };
}

/** The merged tree's paths, a directory's with a slash at its end, without the root. */
export function paths(entries: Iterable<LayerEntry>): string[] {
  return [...entries]
    .filter((entry) => entry.path !== "")
    .map((entry) => (entry.kind === "directory" ? `${entry.path}/` : entry.path));
}

/** What a call was refused with, as `kind: message`; "no refusal" where it went through. */
export function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof NacreError) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return "no refusal";
}
