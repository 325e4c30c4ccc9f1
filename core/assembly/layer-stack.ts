// The layers of a tree: where each one's index lies, and what merging keeps between layers.

import { alloc, getU32, setU32 } from "./memory";
import { TREE_SIZE } from "./tree";

/** Layers of this tree, from 0. */
export const LAYERS: u32 = TREE_SIZE;
const LAYER_TABLE: u32 = TREE_SIZE + 4;
/** The record at which merging failed. */
export const CULPRIT: u32 = TREE_SIZE + 8;
// The directory of the last entry: most entries lie in the same one as the entry before.
export const LAST_PATH: u32 = TREE_SIZE + 12;
export const LAST_SIZE: u32 = TREE_SIZE + 16;
export const LAST_NODE: u32 = TREE_SIZE + 20;
/** Address of the image's state: erofs.ts. */
export const IMAGE: u32 = TREE_SIZE + 24;
const ALL_SIZE: u32 = TREE_SIZE + 28;

// A layer.
export const L_INDEX: u32 = 0;
export const L_HEAP: u32 = 4;
export const L_FIRST: u32 = 8; // versions, in the order of the tar
export const L_UNIFIED: u32 = 12; // where its tar starts in the image's block space
export const L_TAR: u32 = 16;
const LAYER_SIZE: u32 = 24;

/** The most layers: what a superblock can count, less the spill device. */
export const LAYER_LIMIT: u32 = 4096;

/** As a layer: none. */
export const NO_LAYER: u32 = 0xffffffff;

export function layerAt(t: u32, layer: u32): u32 {
  return getU32(t + LAYER_TABLE) + layer * LAYER_SIZE;
}

/** Where the heap of a layer's index lies. */
export function layersHeap(t: u32, layer: u32): u32 {
  return getU32(layerAt(t, layer) + L_HEAP);
}

/** A tree's memory, without layers yet. */
export function stackNew(): u32 {
  const t = alloc(ALL_SIZE);
  setU32(t + LAYER_TABLE, alloc(LAYER_LIMIT * LAYER_SIZE));
  return t;
}
