// What can be wrong with a layer, its index, or a stack of layers. core/layer-fault.ts has the
// sentences, in the same order.

export const FINE: u32 = 0;

// Found while reading a tar.
export const TRUNCATED: u32 = 1;
export const BAD_CHECKSUM: u32 = 2;
export const BAD_NUMBER: u32 = 3;
export const BAD_SIZE: u32 = 4;
export const UNKNOWN_TYPE: u32 = 5;
export const BAD_PAX_RECORD: u32 = 6;
export const HEADER_TOO_LONG: u32 = 7;
export const NAME_TOO_LONG: u32 = 8;
export const NAME_WITH_NUL: u32 = 9;
export const LEAVES_ROOT: u32 = 10;
export const LINK_LEAVES_ROOT: u32 = 11;
export const EMPTY_LINK: u32 = 12;
export const BAD_WHITEOUT: u32 = 13;
export const BAD_SPARSE_MAP: u32 = 14;
export const ORPHAN_HEADER: u32 = 15;
export const TOO_MANY_ENTRIES: u32 = 16;
export const BAD_XATTR: u32 = 17;
export const ROOT_NOT_DIRECTORY: u32 = 18;
export const LONE_ZERO_BLOCK: u32 = 19;

// Found while loading an index.
export const NOT_AN_INDEX: u32 = 20;
export const DAMAGED_INDEX: u32 = 21;

// Found while merging layers, or writing the image.
export const PARENT_NOT_DIRECTORY: u32 = 22;
export const SYMLINK_LOOP: u32 = 23;
export const LINK_MISSING: u32 = 24;
export const LINK_TO_DIRECTORY: u32 = 25;
export const TOO_DEEP: u32 = 26;
export const NAMES_COLLIDE: u32 = 27;
export const LAYER_TOO_LARGE: u32 = 28;
export const IMAGE_TOO_LARGE: u32 = 29;
export const TOO_MANY_LAYERS: u32 = 30;
