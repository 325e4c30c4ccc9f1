// An inode of an EROFS image and what lies behind it: extended attributes, and the way from an
// offset in a file to the device that has the byte.
// Source: Linux, fs/erofs/inode.c, data.c, xattr.c.

import type { ErofsImage, MappedBytes } from "./erofs-image.ts";
import { fail } from "./errno.ts";
import type { DeviceNumber, InodeKind, Timestamp } from "./inode.ts";
import { MODE_TYPES } from "./inode.ts";

const FLAT_PLAIN = 0;
const FLAT_INLINE = 2;
const CHUNK_BASED = 4;

const SLOT_BYTES = 32;
const COMPACT_BYTES = 32;
const EXTENDED_BYTES = 64;
const NO_BLOCK = 0xffffffff;

/** Of a chunk's format: an index has 8 bytes, with a device, and not 4. */
const CHUNK_INDEXES = 0x20;
const CHUNK_BITS = 0x1f;

const XATTR_HEADER_BYTES = 12;
/** By their number in the image; what follows the two lists' names is nothing. */
const XATTR_PREFIXES: Readonly<Record<number, string>> = {
  1: "user.",
  2: "system.posix_acl_access",
  3: "system.posix_acl_default",
  4: "trusted.",
  6: "security.",
};

export interface ErofsInode {
  /** nid: where it stands, in slots of 32 bytes. */
  readonly number: number;
  readonly kind: InodeKind;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly links: number;
  readonly mtime: Timestamp;
  readonly device: DeviceNumber | undefined;
  readonly layout: number;
  /** Start of the data, in blocks, or the format of the chunks. */
  readonly place: number;
  /** Where the attributes start, in bytes of the image, and their size. */
  readonly attributesAt: number;
  readonly attributesBytes: number;
}

const decoder = new TextDecoder();
/** Names are bytes there, and text here. */
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);

/** new_decode_dev. */
const deviceOf = (encoded: number): DeviceNumber => ({
  major: (encoded >>> 8) & 0xfff,
  minor: (encoded & 0xff) | ((encoded >>> 12) & 0xfff00),
});

function kindOf(mode: number): InodeKind {
  const type = mode & 0o170000;
  const kinds = Object.keys(MODE_TYPES) as InodeKind[];
  return kinds.find((kind) => MODE_TYPES[kind] === type) ?? fail("EUCLEAN");
}

/** EOPNOTSUPP (95) for a format that is not known, EUCLEAN for what no image has. */
export function readInode(image: ErofsImage, number: number): ErofsInode {
  const at = image.inodes + number * SLOT_BYTES;
  const format = image.view(at, 2).getUint16(0, true);
  const layout = (format >>> 1) & 7;
  const known = layout === FLAT_PLAIN || layout === FLAT_INLINE || layout === CHUNK_BASED;
  if (format >>> 4 !== 0 || !known) fail("ENOTSUP");
  const extended = (format & 1) === 1;
  const head = extended ? EXTENDED_BYTES : COMPACT_BYTES;
  const fields = image.view(at, head);
  const mode = fields.getUint16(4, true);
  const kind = kindOf(mode);
  const place = fields.getUint32(16, true);
  if (layout === CHUNK_BASED && (place & 0xffff & ~(CHUNK_BITS | CHUNK_INDEXES)) !== 0) {
    fail("ENOTSUP");
  }
  const attributes = fields.getUint16(2, true);
  const common = { number, kind, mode: mode & 0o7777, layout, place };
  return {
    ...common,
    ...(extended ? extendedFields(fields) : compactFields(image, fields)),
    device: kind === "character" || kind === "block" ? deviceOf(place) : undefined,
    attributesAt: at + head,
    attributesBytes: attributes === 0 ? 0 : XATTR_HEADER_BYTES + (attributes - 1) * 4,
  };
}

type Varying = Pick<ErofsInode, "uid" | "gid" | "size" | "links" | "mtime">;

const extendedFields = (fields: DataView): Varying => ({
  size: Number(fields.getBigUint64(8, true)),
  uid: fields.getUint32(24, true),
  gid: fields.getUint32(28, true),
  mtime: {
    seconds: Number(fields.getBigInt64(32, true)),
    nanoseconds: fields.getUint32(40, true),
  },
  links: fields.getUint32(44, true),
});

const compactFields = ({ epoch }: ErofsImage, fields: DataView): Varying => ({
  links: fields.getUint16(6, true),
  size: fields.getUint32(8, true),
  // Since Linux 6.15 a compact inode may say how much later than the image it is.
  mtime: { ...epoch, seconds: epoch.seconds + fields.getUint32(12, true) },
  uid: fields.getUint16(24, true),
  gid: fields.getUint16(26, true),
});

/** Where a run of bytes lies, which ends at `end`; without a place it is a hole. */
interface Extent {
  readonly place: MappedBytes | undefined;
  readonly end: number;
}

function chunkAt(image: ErofsImage, inode: ErofsInode, offset: number): Extent {
  const chunkBytes = image.blockBytes * 2 ** (inode.place & CHUNK_BITS);
  const chunk = Math.floor(offset / chunkBytes);
  const unit = inode.place & CHUNK_INDEXES ? 8 : 4;
  const behind = inode.attributesAt + inode.attributesBytes;
  const index = image.view(Math.ceil(behind / unit) * unit + chunk * unit, unit);
  const block = index.getUint32(unit - 4, true);
  const device = unit === 8 ? index.getUint16(2, true) : 0;
  const inside = offset - chunk * chunkBytes;
  const place = { device, offset: block * image.blockBytes + inside };
  return {
    place: block === NO_BLOCK ? undefined : place,
    end: Math.min((chunk + 1) * chunkBytes, inode.size),
  };
}

/** erofs_map_blocks. */
function extentAt(image: ErofsImage, inode: ErofsInode, offset: number): Extent {
  if (inode.layout === CHUNK_BASED) return chunkAt(image, inode, offset);
  const { blockBytes } = image;
  const { size, place } = inode;
  const inline = inode.layout === FLAT_INLINE;
  if (!inline && place === NO_BLOCK) return { place: undefined, end: size };
  const blocks = Math.ceil(size / blockBytes) - (inline ? 1 : 0);
  if (offset < blocks * blockBytes) {
    const at = place * blockBytes + offset;
    return { place: { device: 0, offset: at }, end: Math.min(blocks * blockBytes, size) };
  }
  const tail = inode.attributesAt + inode.attributesBytes;
  const length = size - blocks * blockBytes;
  // A tail lies in the block of what is before it.
  if ((tail % blockBytes) + length > blockBytes) fail("EUCLEAN");
  return { place: { device: 0, offset: tail + offset - blocks * blockBytes }, end: size };
}

/** Bytes of a file, a directory or a symlink's target. */
export function readData(
  image: ErofsImage,
  inode: ErofsInode,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const end = Math.min(offset + length, inode.size);
  const bytes = new Uint8Array(Math.max(0, end - offset));
  for (let at = offset; at < end; ) {
    const extent = extentAt(image, inode, at);
    const stop = Math.min(extent.end, end);
    if (extent.place) bytes.set(image.read(extent.place, stop - at), at - offset);
    at = stop;
  }
  return bytes;
}

/** Reads entries, one after the other, up to `end`. */
function readEntries(
  image: ErofsImage,
  found: Map<string, Uint8Array>,
  start: number,
  end: number,
): void {
  for (let at = start; at < end; ) {
    const head = image.view(at, 4);
    const nameBytes = head.getUint8(0);
    const valueBytes = head.getUint16(2, true);
    const bytes = 4 + nameBytes + valueBytes;
    if (at + bytes > end) fail("EUCLEAN");
    const prefix = XATTR_PREFIXES[head.getUint8(1)];
    const body = image.bytes(at + 4, nameBytes + valueBytes);
    // A prefix that the kernel has no handler for is as if it were not there.
    if (prefix !== undefined) {
      found.set(prefix + textOf(body.subarray(0, nameBytes)), body.slice(nameBytes));
    }
    at += Math.ceil(bytes / 4) * 4;
  }
}

/** The extended attributes, with those that several inodes share. */
export function readAttributes(image: ErofsImage, inode: ErofsInode): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const { attributesAt, attributesBytes } = inode;
  if (attributesBytes === 0) return found;
  if (attributesBytes === XATTR_HEADER_BYTES) fail("ENOTSUP");
  const shared = image.view(attributesAt, XATTR_HEADER_BYTES).getUint8(4);
  const own = attributesAt + XATTR_HEADER_BYTES + shared * 4;
  if (own > attributesAt + attributesBytes) fail("EUCLEAN");
  readEntries(image, found, own, attributesAt + attributesBytes);
  const ids = image.view(attributesAt + XATTR_HEADER_BYTES, shared * 4);
  for (let n = 0; n < shared; n++) {
    const at = image.sharedAttributes + ids.getUint32(n * 4, true) * 4;
    const head = image.view(at, 4);
    readEntries(image, found, at, at + 4 + head.getUint8(0) + head.getUint16(2, true));
  }
  return found;
}
