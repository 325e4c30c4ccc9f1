// One path of a layer or of merged layers, decoded from the core's rows (header of
// core/assembly/layers-view.ts) when it is asked for.

import type { Core } from "./core.ts";
import { names } from "./layer-fault.ts";

export type EntryKind =
  | "file"
  | "directory"
  | "symlink"
  | "hard-link"
  | "character-device"
  | "block-device"
  | "fifo"
  | "whiteout";

const KINDS: readonly EntryKind[] = [
  "file",
  "directory",
  "symlink",
  "hard-link",
  "character-device",
  "block-device",
  "fifo",
  "whiteout",
];

/** The kind that the core calls `code`. */
export function entryKind(code: number): EntryKind {
  return KINDS[code - 1] ?? "whiteout";
}

export interface Xattr {
  /** With its namespace: `security.capability`. */
  readonly name: string;
  readonly value: Uint8Array;
}

/** A stretch of a sparse file that holds data; what lies between stretches is zeros. */
export interface Segment {
  /** In the file, in bytes. */
  readonly offset: number;
  readonly size: number;
  /** Where its bytes are in the layer's tar. */
  readonly tarOffset: number;
}

const NO_LAYER = 0xffffffff;
const FIXED = 88;
const OPAQUE = 1;
const IMPLICIT = 2;
const INHERITED = 4;

/** A path and what is there. Paths are relative to the root, whose own is empty. */
export class LayerEntry {
  readonly #core: Core;
  readonly #row: DataView<ArrayBuffer>;

  constructor(core: Core, row: DataView<ArrayBuffer>) {
    this.#core = core;
    this.#row = row;
  }

  get kind(): EntryKind {
    return entryKind(this.#row.getUint8(4));
  }
  /** The path as UTF-8, where bytes that are none show as U+FFFD. */
  get path(): string {
    return names.decode(this.pathBytes);
  }
  get pathBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes(0, this.#row.getUint32(64, true));
  }
  /** A symlink's target as it is, or the path of a hard link's first name; else empty. */
  get target(): string {
    return names.decode(this.targetBytes);
  }
  get targetBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes(this.#row.getUint32(64, true), this.#row.getUint32(68, true));
  }
  /** Permission bits with set-user-ID, set-group-ID and sticky: 0 to 0o7777. */
  get mode(): number {
    return this.#row.getUint16(6, true);
  }
  get uid(): number {
    return this.#row.getUint32(8, true);
  }
  get gid(): number {
    return this.#row.getUint32(12, true);
  }
  /** Whole seconds since 1970, rounded down. */
  get mtimeSeconds(): number {
    return this.#row.getFloat64(16, true);
  }
  /** 0 to 999,999,999, to be added to the seconds. */
  get mtimeNanoseconds(): number {
    return this.#row.getUint32(24, true);
  }
  /** Names that the file has in the merged layers; of a directory, as stat(2) counts. */
  get links(): number {
    return this.#row.getUint32(28, true);
  }
  /** Bytes of the file, holes included; 0 for anything but a file and its hard links. */
  get size(): number {
    return this.#row.getFloat64(32, true);
  }
  /** Where the file's bytes start in the tar of `layer`; see also `segments`. */
  get tarOffset(): number {
    return this.#row.getFloat64(40, true);
  }
  /** The layer, from 0, whose tar holds the metadata and the bytes; none for `implicit` ones. */
  get layer(): number | undefined {
    return layerNumber(this.#row.getUint32(48, true));
  }
  /** The layer that gives this path: for a hard link, not always the one with the bytes. */
  get givenBy(): number | undefined {
    return layerNumber(this.#row.getUint32(80, true));
  }
  get deviceMajor(): number {
    return this.#row.getUint32(52, true);
  }
  get deviceMinor(): number {
    return this.#row.getUint32(56, true);
  }
  /** Equal for, and only for, names of one file. */
  get identity(): number {
    return this.#row.getUint32(60, true);
  }
  /** A directory that shows nothing of lower layers. */
  get opaque(): boolean {
    return (this.#row.getUint8(5) & OPAQUE) !== 0;
  }
  /** A directory that no tar lists; it is there because something lies in it. */
  get implicit(): boolean {
    return (this.#row.getUint8(5) & IMPLICIT) !== 0;
  }
  /** Among a layer's own entries: a directory that its tar does not list, but a lower one does. */
  get inherited(): boolean {
    return (this.#row.getUint8(5) & INHERITED) !== 0;
  }

  /** Extended attributes, sorted by name. */
  xattrs(): Xattr[] {
    const address = this.#row.getUint32(72, true);
    if (address === 0) return [];
    const buffer = this.#core.exports.memory.buffer;
    const view = new DataView(buffer, address);
    const found: Xattr[] = [];
    let at = 4;
    for (let left = view.getUint32(0, true); left > 0; left--) {
      const nameSize = view.getUint16(at, true);
      const valueSize = view.getUint16(at + 2, true);
      const name = names.decode(new Uint8Array(buffer, address + at + 4, nameSize));
      const value = new Uint8Array(buffer, address + at + 4 + nameSize, valueSize).slice();
      found.push({ name, value });
      at += 4 + nameSize + valueSize;
    }
    return found;
  }

  /** The stretches of a file that hold data: of an ordinary file one, from its start to its end. */
  segments(): Segment[] {
    const address = this.#row.getUint32(76, true);
    let tarOffset = this.tarOffset;
    if (address === 0) return this.size === 0 ? [] : [{ offset: 0, size: this.size, tarOffset }];
    const count = new DataView(this.#core.exports.memory.buffer, address).getUint32(0, true);
    const view = new DataView(this.#core.exports.memory.buffer, address + 16, count * 16);
    const found: Segment[] = [];
    for (let at = 0; at < count * 16; at += 16) {
      const size = view.getFloat64(at + 8, true);
      found.push({ offset: view.getFloat64(at, true), size, tarOffset });
      tarOffset += size;
    }
    return found;
  }

  #bytes(from: number, size: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#row.buffer, this.#row.byteOffset + FIXED + from, size);
  }
}

function layerNumber(field: number): number | undefined {
  return field === NO_LAYER ? undefined : field;
}

/** The entries in a batch of rows, decoded one by one. */
export function* decodeRows(core: Core, rows: Uint8Array<ArrayBuffer>): Generator<LayerEntry> {
  let at = 0;
  while (at < rows.length) {
    const row = new DataView(rows.buffer, rows.byteOffset + at);
    yield new LayerEntry(core, row);
    at += row.getUint32(0, true);
  }
}
