// One layer as a program that fills a directory with what overlayfs stacks upon the layers below.

import { NacreError } from "@nacre/core/error.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { LayerEntry } from "@nacre/core/layer-entry.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import type { Ownership } from "@nacre/core/program/explained.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";

const encoder = new TextEncoder();

/** Whether the layer's root hides all layers below it. */
export function isOpaqueRoot(tree: ImageTree, number: number): boolean {
  for (const entry of tree.layerEntries(number)) return entry.path === "" && entry.opaque;
  return false;
}

/** Fills the empty directory `target` with layer `number` of the tree. */
export function placeLayer(
  target: string,
  tree: ImageTree,
  number: number,
  layers: readonly StoredLayer[],
): KernelProgram {
  const host: Operation[] = [
    {
      op: "openRoot",
      path: target,
      why: "so that no name of the layer leads out of its directory",
    },
  ];
  const times: Operation[] = [];
  for (const entry of tree.layerEntries(number)) {
    const name = nameOf(entry.pathBytes);
    host.push(placeEntry(entry, name, layers), ...attributesOf(entry, name), ...opaque(entry));
    if (entry.kind === "directory") {
      times.push({ op: "placeTimes", path: name, mtime: mtimeOf(entry) });
    }
  }
  // Last, for what is put into a directory changes its time.
  host.push(...times.reverse());
  return { title: `unpack layer ${layers[number]?.diffId}`, host };
}

/** Puts at `path` what an entry is. */
export function placeEntry(
  entry: LayerEntry,
  path: string,
  layers: readonly StoredLayer[],
): Operation {
  const ownership: Ownership = {
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    mtime: mtimeOf(entry),
  };
  const { deviceMajor: major, deviceMinor: minor } = entry;
  switch (entry.kind) {
    case "directory":
      return { op: "placeDirectory", path, ...ownership };
    case "file": {
      const source = layers[entry.layer ?? 0]?.tarPath ?? "";
      return { op: "placeFile", path, source, segments: segmentsOf(entry), ...ownership };
    }
    case "symlink":
      return { op: "placeSymlink", path, text: nameOf(entry.targetBytes), ...ownership };
    case "hard-link":
      return { op: "placeHardLink", path, existing: nameOf(entry.targetBytes) };
    case "character-device":
      return { op: "placeNode", path, type: "character", major, minor, ...ownership };
    case "block-device":
      return { op: "placeNode", path, type: "block", major, minor, ...ownership };
    case "fifo":
      return { op: "placeNode", path, type: "fifo", major: 0, minor: 0, ...ownership };
    case "whiteout":
      return {
        op: "placeNode",
        path,
        type: "character",
        major: 0,
        minor: 0,
        mode: 0,
        uid: 0,
        gid: 0,
        why: "a whiteout: overlayfs shows nothing here, whatever lower layers have",
      };
  }
}

/** Its extended attributes; a hard link's file has them already, from its first name. */
export function attributesOf(entry: LayerEntry, path: string): Operation[] {
  if (entry.kind === "hard-link" || entry.kind === "whiteout") return [];
  return entry.xattrs().map(({ name, value }) => ({ op: "placeAttribute", path, name, value }));
}

/** The root of a layer has no parent in which it could hide something. */
function opaque(entry: LayerEntry): Operation[] {
  const path = nameOf(entry.pathBytes);
  if (!entry.opaque || path === "" || entry.kind === "whiteout") return [];
  return [
    {
      op: "placeAttribute",
      path,
      name: "trusted.overlay.opaque",
      value: encoder.encode("y"),
      why: "overlayfs shows nothing that lower layers have in this directory",
    },
  ];
}

/** Ranges of the tar, with a hole (-1) wherever the file has one. */
function segmentsOf(entry: LayerEntry): [offset: number, length: number][] {
  const segments: [number, number][] = [];
  let end = 0;
  for (const { offset, size, tarOffset } of entry.segments()) {
    if (offset > end) segments.push([-1, offset - end]);
    segments.push([tarOffset, size]);
    end = offset + size;
  }
  if (entry.size > end) segments.push([-1, entry.size - end]);
  return segments;
}

export function mtimeOf(entry: LayerEntry): { seconds: number; nanoseconds: number } {
  return { seconds: entry.mtimeSeconds, nanoseconds: entry.mtimeNanoseconds };
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Operations carry names as text. NacreError `unsupported` for bytes that are none. */
export function nameOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    const shown = JSON.stringify(new TextDecoder().decode(bytes));
    throw new NacreError("unsupported", `the name ${shown} is not UTF-8`, {
      advice: "Use the erofs snapshotter, which keeps names as bytes.",
    });
  }
}
