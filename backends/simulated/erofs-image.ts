// The outer shape of an EROFS image, as fs/erofs/super.c reads it: superblock, device table, and
// where a block of the address space lies, in the image itself or in one of the other files. All
// numbers are little-endian.
//
// Nothing is read before it is asked for: a mount takes the superblock, the device table and the
// root's inode.
// Source: Linux, fs/erofs/erofs_fs.h.

import { fail } from "./errno.ts";

/** A file on the machine. A read past its end gives less. */
export interface ImageFile {
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

/** Bytes of a file: `device` counts from 1, 0 is the whole address space. */
export interface MappedBytes {
  readonly device: number;
  readonly offset: number;
}

interface Device {
  /** Undefined where the mount named no devices: all lies in the image, one behind the other. */
  readonly file: ImageFile | undefined;
  readonly bytes: number;
  /** In the address space; 0 for one that is reached by its number alone. */
  readonly start: number;
}

const SUPERBLOCK = 1024;
const SUPERBLOCK_BYTES = 128;
const SLOT_BYTES = 128;
const MAGIC = 0xe0f5e1e2;
const PAGE_BYTES = 4096;

const CHECKSUM = 1;
const CHUNKED_FILES = 0x4;
const DEVICE_TABLE = 0x8;

/** EROFS takes all ones to begin with, and inverts nothing in the end. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return crc >>> 0;
}

/** Reads in pages that it keeps, as the page cache does. Past the end of the file is nothing but zeros. */
class Metadata {
  readonly #file: ImageFile;
  readonly #pages = new Map<number, Uint8Array<ArrayBuffer>>();

  constructor(file: ImageFile) {
    this.#file = file;
  }

  #page(number: number): Uint8Array<ArrayBuffer> {
    const known = this.#pages.get(number);
    if (known) return known;
    const page = new Uint8Array(PAGE_BYTES);
    page.set(this.#file.read(number * PAGE_BYTES, PAGE_BYTES));
    this.#pages.set(number, page);
    return page;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const first = Math.floor(offset / PAGE_BYTES);
    const start = offset - first * PAGE_BYTES;
    if (start + length <= PAGE_BYTES) return this.#page(first).subarray(start, start + length);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = offset + done;
      const number = Math.floor(at / PAGE_BYTES);
      const part = this.#page(number).subarray(at - number * PAGE_BYTES);
      bytes.set(part.subarray(0, length - done), done);
      done += part.length;
    }
    return bytes;
  }
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

export class ErofsImage {
  readonly blockBytes: number;
  readonly rootNumber: number;
  /** Of compact inodes. */
  readonly epoch: { readonly seconds: number; readonly nanoseconds: number };
  /** Where inodes are counted from, and where shared attributes are, in bytes. */
  readonly inodes: number;
  readonly sharedAttributes: number;
  readonly #primary: ImageFile;
  readonly #metadata: Metadata;
  readonly #devices: readonly Device[];

  /**
   * `devices` open the files that the mount names, in the order of the table; none: all lies in the
   * image. Fails with EINVAL for what is no image, or one of another kind, or has another number of
   * devices, and with EBADMSG for a wrong checksum.
   */
  constructor(primary: ImageFile, devices: readonly (() => ImageFile)[]) {
    this.#primary = primary;
    this.#metadata = new Metadata(primary);
    const fields = this.view(SUPERBLOCK, SUPERBLOCK_BYTES);
    if (fields.getUint32(0, true) !== MAGIC) fail("EINVAL");
    const blockBits = fields.getUint8(12);
    if (blockBits < 9 || blockBits > 12 || fields.getUint8(90) !== 0) fail("EINVAL");
    this.blockBytes = 1 << blockBits;
    if (fields.getUint32(8, true) & CHECKSUM) this.#requireChecksum(fields.getUint32(4, true));
    const features = fields.getUint32(80, true);
    // What is packed, or has longer addresses, the core never makes.
    if ((features & ~(CHUNKED_FILES | DEVICE_TABLE)) !== 0) fail("EINVAL");
    this.rootNumber = fields.getUint16(14, true);
    this.epoch = {
      seconds: Number(fields.getBigInt64(24, true)),
      nanoseconds: fields.getUint32(32, true),
    };
    this.inodes = fields.getUint32(40, true) * this.blockBytes;
    this.sharedAttributes = fields.getUint32(44, true) * this.blockBytes;
    const count = features & DEVICE_TABLE ? fields.getUint16(86, true) : 0;
    this.#devices = this.#scan(fields.getUint16(88, true) * SLOT_BYTES, count, devices);
  }

  #requireChecksum(expected: number): void {
    const { blockBytes } = this;
    const length = blockBytes > SUPERBLOCK ? blockBytes - SUPERBLOCK : blockBytes;
    const bytes = this.bytes(SUPERBLOCK, length).slice();
    bytes.fill(0, 4, 8);
    if (crc32c(bytes) !== expected) fail("EBADMSG");
  }

  #scan(table: number, count: number, devices: readonly (() => ImageFile)[]): Device[] {
    if (devices.length > 0 && devices.length !== count) fail("EINVAL");
    return Array.from({ length: count }, (_, at) => {
      const slot = this.view(table + at * SLOT_BYTES, SLOT_BYTES);
      return {
        file: devices[at]?.(),
        bytes: slot.getUint32(64, true) * this.blockBytes,
        start: slot.getUint32(68, true) * this.blockBytes,
      };
    });
  }

  /** Of the image itself. Not to be written. */
  bytes(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#metadata.read(offset, length);
  }
  view(offset: number, length: number): DataView {
    return viewOf(this.bytes(offset, length));
  }

  /** Bytes of the address space, or of one device: ENODEV where there is none, EIO behind its end. */
  read({ device, offset }: MappedBytes, length: number): Uint8Array<ArrayBuffer> {
    const { file, at } = this.#locate(device, offset);
    if (file === this.#primary) return this.bytes(at, length).slice();
    const bytes = file.read(at, length);
    return bytes.length === length ? bytes : fail("EIO");
  }

  /** erofs_map_dev. */
  #locate(number: number, offset: number): { file: ImageFile; at: number } {
    // Bits that no number of a device needs do not count.
    const masked = number % 2 ** Math.ceil(Math.log2(this.#devices.length + 1));
    if (masked > 0) {
      const device = this.#devices[masked - 1] ?? fail("ENODEV");
      if (device.file) return { file: device.file, at: offset };
      return { file: this.#primary, at: offset + device.start };
    }
    for (const { file, start, bytes } of this.#devices) {
      if (!file || start === 0 || offset < start || offset >= start + bytes) continue;
      return { file, at: offset - start };
    }
    return { file: this.#primary, at: offset };
  }
}
