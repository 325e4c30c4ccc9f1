// Images with something wrong, and what Linux says: those that it does not mount, and those where
// only who looks finds out.

import { crc32c } from "@nacre/simulated/erofs-image.ts";
import { tarOf } from "../core/tar-writer.ts";
import { imageOf } from "./erofs-machine.ts";

interface Files {
  readonly image: Uint8Array;
  readonly devices: readonly Uint8Array[];
}

export interface Damage extends Files {
  readonly what: string;
  readonly errno: string;
}

const SUPERBLOCK = 1024;
const BLOCK = 512;
const SLOT = 32;

const CONTENT = tarOf(
  { name: "./", type: "directory", mode: 0o755 },
  { name: "f", content: "the content" },
);
const sound = (): Files => imageOf(CONTENT);

/** Bytes that a change is made to; the checksum is right again behind it. */
function changed(change: (image: DataView) => void, files = sound()): Files {
  const { image, devices } = files;
  const copy = image.slice();
  const fields = new DataView(copy.buffer);
  change(fields);
  fields.setUint32(SUPERBLOCK + 4, 0, true);
  const checksum = crc32c(copy.subarray(SUPERBLOCK, SUPERBLOCK + BLOCK));
  fields.setUint32(SUPERBLOCK + 4, checksum, true);
  return { image: copy, devices };
}

const inSuperblock = (change: (fields: DataView) => void): Files =>
  changed(({ buffer }) => change(new DataView(buffer, SUPERBLOCK, BLOCK)));

/** The root is a compact inode, with its entries right behind it: ".", ".." and "f". */
const rootAt = (image: DataView): number => image.getUint16(SUPERBLOCK + 14, true) * SLOT;
const entryAt = (image: DataView, n: number): number => rootAt(image) + 32 + 12 * n;
const fileNumber = (image: DataView): number => image.getUint32(entryAt(image, 2), true);
const fileAt = (image: DataView): number => fileNumber(image) * SLOT;

const flipped = (): Files => {
  const { image, devices } = sound();
  const copy = image.slice();
  copy[SUPERBLOCK + 48]! ^= 1;
  return { image: copy, devices };
};

const CHANGES: readonly (readonly [what: string, files: Files, errno: string])[] = [
  ["another magic number", inSuperblock((s) => s.setUint32(0, 0xe0f5e1e3, true)), "EINVAL"],
  ["blocks that are too small", inSuperblock((s) => s.setUint8(12, 8)), "EINVAL"],
  ["blocks larger than a page", inSuperblock((s) => s.setUint8(12, 13)), "EINVAL"],
  ["other blocks for directories", inSuperblock((s) => s.setUint8(90, 1)), "EINVAL"],
  ["a feature that nobody knows", inSuperblock((s) => s.setUint32(80, 1 << 30, true)), "EINVAL"],
  ["more devices than are given", inSuperblock((s) => s.setUint16(86, 2, true)), "EINVAL"],
  [
    "fewer devices than are given",
    { ...sound(), devices: sound().devices.flatMap((d) => [d, d]) },
    "EINVAL",
  ],
  ["an empty file", { ...sound(), image: new Uint8Array() }, "EINVAL"],
  ["a wrong checksum", flipped(), "EBADMSG"],
  [
    "a root that is no directory",
    changed((i) => i.setUint16(SUPERBLOCK + 14, fileNumber(i), true)),
    "EINVAL",
  ],
  ["a root where nothing is", inSuperblock((s) => s.setUint16(14, 60_000, true)), "EUCLEAN"],
  [
    "a root of a form that nobody knows",
    changed((i) => i.setUint16(rootAt(i), 0x0e, true)),
    "ENOTSUP",
  ],
];

export const DAMAGES: readonly Damage[] = CHANGES.map(([what, files, errno]) => ({
  what,
  ...files,
  errno,
}));

/** `use`: what finds it out, listing the root or reading the file `f`. */
export interface HiddenDamage extends Damage {
  readonly use: "list" | "read";
}

/** The file as one chunk, on one of two devices. */
const chunkOn = (device: number): Files =>
  changed(
    (image) => {
      image.setUint32(SUPERBLOCK + 80, 0xc, true);
      const at = fileAt(image);
      const extended = image.getUint16(at, true) & 1;
      image.setUint16(at, (4 << 1) | extended, true);
      image.setUint32(at + 16, 0x20, true);
      image.setUint16(at + (extended ? 64 : 32) + 2, device, true);
    },
    imageOf(tarOf(), CONTENT),
  );

const HIDDEN: readonly (readonly [string, HiddenDamage["use"], Files, string])[] = [
  ["a tar that is cut off", "read", { ...sound(), devices: [new Uint8Array(BLOCK)] }, "EIO"],
  ["a chunk on a device that is none", "read", chunkOn(3), "ENODEV"],
  [
    "a file of no kind",
    "read",
    changed((i) => i.setUint16(fileAt(i) + 4, 0o070644, true)),
    "EUCLEAN",
  ],
  [
    "a file of a form that nobody knows",
    "read",
    changed((i) => i.setUint16(fileAt(i), 0x4000, true)),
    "ENOTSUP",
  ],
  [
    "names that are nowhere",
    "list",
    changed((i) => i.setUint16(entryAt(i, 0) + 8, 0, true)),
    "EUCLEAN",
  ],
  [
    "a name behind the end",
    "list",
    changed((i) => i.setUint16(entryAt(i, 2) + 8, 500, true)),
    "EUCLEAN",
  ],
];

export const HIDDEN_DAMAGES: readonly HiddenDamage[] = HIDDEN.map(([what, use, files, errno]) => ({
  what,
  use,
  ...files,
  errno,
}));
