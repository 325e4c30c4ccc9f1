// One layer as a program that fills a directory with what overlayfs stacks upon the layers below.

import { NacreError } from "@nacre/core/error.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { LayerEntry } from "@nacre/core/layer-entry.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import type { Operation, Ownership } from "@nacre/core/program/operation.ts";
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
    host.push(place(entry, layers), ...attributes(entry));
    if (entry.kind === "directory") {
      times.push({ op: "placeTimes", path: text(entry.pathBytes), mtime: mtimeOf(entry) });
    }
  }
  // Last, for what is put into a directory changes its time.
  host.push(...times.reverse());
  return { title: `unpack layer ${layers[number]?.diffId}`, host };
}

function place(entry: LayerEntry, layers: readonly StoredLayer[]): Operation {
  const path = text(entry.pathBytes);
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
      return { op: "placeSymlink", path, text: text(entry.targetBytes), ...ownership };
    case "hard-link":
      return { op: "placeHardLink", path, existing: text(entry.targetBytes) };
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

function attributes(entry: LayerEntry): Operation[] {
  // A hard link's file has them already, from its first name.
  if (entry.kind === "hard-link" || entry.kind === "whiteout") return [];
  const path = text(entry.pathBytes);
  const own = entry.xattrs().map(({ name, value }): Operation => {
    return { op: "placeAttribute", path, name, value };
  });
  // The root of a layer has no parent in which it could hide something.
  if (entry.opaque && path !== "") {
    own.push({
      op: "placeAttribute",
      path,
      name: "trusted.overlay.opaque",
      value: encoder.encode("y"),
      why: "overlayfs shows nothing that lower layers have in this directory",
    });
  }
  return own;
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

function mtimeOf(entry: LayerEntry): { seconds: number; nanoseconds: number } {
  return { seconds: entry.mtimeSeconds, nanoseconds: entry.mtimeNanoseconds };
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Operations carry names as text. NacreError `unsupported` for bytes that are none. */
function text(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    const shown = JSON.stringify(new TextDecoder().decode(bytes));
    throw new NacreError("unsupported", `the name ${shown} is not UTF-8`, {
      advice: "Use the erofs snapshotter, which keeps names as bytes.",
    });
  }
}
