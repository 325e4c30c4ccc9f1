// Members of a tar as bytes: POSIX ustar, with a pax header before what does not fit into that
// (pax(1), "pax Interchange Format"). Canonical: the same member gives the same bytes, and nothing
// of the machine that writes them goes in. Names and values of attributes are bytes, which need
// not be UTF-8. Sparse files are in GNU's format 1.0 (tar manual, "Storing Sparse Files").

import { concatenate } from "./bytes.ts";

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const encoder = new TextEncoder();

export type TarKind =
  | "file"
  | "hard-link"
  | "symlink"
  | "directory"
  | "character-device"
  | "block-device"
  | "fifo";

const TYPES: Readonly<Record<TarKind | "extended", string>> = {
  file: "0",
  "hard-link": "1",
  symlink: "2",
  "character-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
  extended: "x",
};

/** A stretch of a sparse file that holds data. */
export interface TarSegment {
  readonly offset: number;
  readonly size: number;
}

export interface TarMember {
  /** With no slash at either end. */
  readonly path: Uint8Array;
  readonly kind: TarKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Rounded down; the nanoseconds, if any, are to be added. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds?: number;
  /** Of a file, holes included. */
  readonly sizeBytes?: number;
  /** Of a file with holes: what is not in them, in order. */
  readonly segments?: readonly TarSegment[];
  /** What a symlink says, or the path of a hard link's first name. */
  readonly target?: Uint8Array;
  readonly node?: { readonly major: number; readonly minor: number };
  readonly attributes?: readonly { readonly name: string; readonly value: Uint8Array }[];
}

/** Two blocks of zeros. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK_BYTES);

/** Zeros behind contents of this size, up to the next block. */
export function tarPadding(sizeBytes: number): Uint8Array {
  return new Uint8Array((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

/**
 * What stands before a member's contents. After it come the contents of a file, or of a sparse one
 * its segments, one behind the other; then `tarPadding`.
 */
export function tarHeader(member: TarMember): Uint8Array {
  const map = member.segments && sparseMap(member.segments, member.sizeBytes ?? 0);
  const path =
    member.kind === "directory" ? concatenate([member.path, encoder.encode("/")]) : member.path;
  const data = member.segments?.reduce((sum, { size }) => sum + size, 0) ?? member.sizeBytes ?? 0;
  const sizeBytes = member.kind === "file" ? data + (map?.length ?? 0) : 0;
  const records = concatenate(paxRecords(member, path, sizeBytes, map !== undefined));
  const name = map ? encoder.encode("GNUSparseFile.0/sparse") : path;
  const parts = [ustar(member, member.kind, name, sizeBytes), map ?? new Uint8Array()];
  if (records.length > 0) {
    const plain = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
    const own = ustar(plain, "extended", encoder.encode("PaxHeaders/0"), records.length);
    parts.unshift(own, records, tarPadding(records.length));
  }
  return parts.length === 2 && !map ? (parts[0] as Uint8Array) : concatenate(parts);
}

/** Records of what the ustar header has no room for. */
function paxRecords(
  member: TarMember,
  path: Uint8Array,
  sizeBytes: number,
  sparse: boolean,
): Uint8Array[] {
  const { uid, gid, mtimeSeconds, mtimeNanoseconds = 0 } = member;
  const target = member.target ?? new Uint8Array();
  const records: Uint8Array[] = [];
  const add = (key: string, value: string | Uint8Array): number =>
    records.push(record(key, typeof value === "string" ? encoder.encode(value) : value));
  if (sparse) {
    add("GNU.sparse.major", "1");
    add("GNU.sparse.minor", "0");
    add("GNU.sparse.name", path);
    add("GNU.sparse.realsize", String(member.sizeBytes ?? 0));
  } else if (path.length > NAME_BYTES) add("path", path);
  if (target.length > NAME_BYTES) add("linkpath", target);
  if (sizeBytes >= 8 ** 11) add("size", String(sizeBytes));
  if (uid >= 8 ** 7) add("uid", String(uid));
  if (gid >= 8 ** 7) add("gid", String(gid));
  if (mtimeSeconds < 0 || mtimeSeconds >= 8 ** 11 || mtimeNanoseconds > 0) {
    add("mtime", decimalTime(mtimeSeconds, mtimeNanoseconds));
  }
  for (const { name, value } of member.attributes ?? []) add(`SCHILY.xattr.${name}`, value);
  return records;
}

/** A sign and a decimal fraction without zeros at its end. */
function decimalTime(seconds: number, nanoseconds: number): string {
  const total = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
  const size = total < 0n ? -total : total;
  const fraction = String(size % 1_000_000_000n)
    .padStart(9, "0")
    .replace(/0+$/, "");
  const whole = `${total < 0n ? "-" : ""}${size / 1_000_000_000n}`;
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

/** `LENGTH key=value\n`, where the length counts itself. */
function record(key: string, value: Uint8Array): Uint8Array {
  const rest = concatenate([encoder.encode(` ${key}=`), value, encoder.encode("\n")]);
  let size = rest.length + 1;
  while (`${size}`.length + rest.length !== size) size = `${size}`.length + rest.length;
  return concatenate([encoder.encode(`${size}`), rest]);
}

/** How many segments, then offset and size of each; the last one of size 0 says where the file ends. */
function sparseMap(segments: readonly TarSegment[], sizeBytes: number): Uint8Array {
  const last = segments.at(-1);
  const isWhole = last !== undefined && last.offset + last.size === sizeBytes;
  const all = isWhole ? segments : [...segments, { offset: sizeBytes, size: 0 }];
  const lines = all.map(({ offset, size }) => `${offset}\n${size}\n`).join("");
  const bytes = encoder.encode(`${all.length}\n${lines}`);
  return concatenate([bytes, tarPadding(bytes.length)]);
}

function ustar(
  member: Pick<TarMember, "mode" | "uid" | "gid" | "mtimeSeconds" | "target" | "node">,
  kind: keyof typeof TYPES,
  name: Uint8Array,
  sizeBytes: number,
): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  /** ASCII, by hand: a header is a dozen of these, and an encoder costs more than they do. */
  const put = (text: string, at: number): void => {
    for (let i = 0; i < text.length; i++) block[at + i] = text.charCodeAt(i);
  };
  /** What does not fit is in the pax header. */
  const octal = (value: number, digits: number, at: number): void => {
    let left = value >= 0 && value < 8 ** digits ? value : 0;
    for (let i = digits - 1; i >= 0; i--) {
      block[at + i] = 0x30 + (left % 8);
      left = Math.floor(left / 8);
    }
  };
  block.set(name.subarray(0, NAME_BYTES), 0);
  octal(member.mode, 7, 100);
  octal(member.uid, 7, 108);
  octal(member.gid, 7, 116);
  octal(sizeBytes, 11, 124);
  octal(member.mtimeSeconds, 11, 136);
  put(" ".repeat(8), 148);
  put(TYPES[kind], 156);
  if (member.target) block.set(member.target.subarray(0, NAME_BYTES), 157);
  put("ustar\u000000", 257);
  if (member.node) {
    octal(member.node.major, 7, 329);
    octal(member.node.minor, 7, 337);
  }
  let sum = 0;
  for (let i = 0; i < BLOCK_BYTES; i++) sum += block[i] as number;
  octal(sum, 6, 148);
  block[154] = 0;
  return block;
}
