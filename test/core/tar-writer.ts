// Writes tars block by block, so that tests can write what no archiver would: each function gives
// the bytes of one part, and `archive` joins them.

const BLOCK = 512;

export interface HeaderFields {
  readonly name?: string | Uint8Array;
  readonly type?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly mtime?: number;
  readonly link?: string | Uint8Array;
  readonly dialect?: "ustar" | "gnu" | "v7";
  readonly prefix?: string;
  readonly device?: readonly [major: number, minor: number];
  /** Changes the header before its checksum is computed. */
  readonly forge?: (header: Buffer) => void;
}

const bytesOf = (text: string | Uint8Array): Uint8Array =>
  typeof text === "string" ? Buffer.from(text) : text;

/** Octal digits and a NUL, or, where they do not fit, base-256. */
function writeNumber(header: Buffer, at: number, size: number, value: number): void {
  if (value >= 0 && value < 8 ** (size - 1)) {
    header.write(value.toString(8).padStart(size - 1, "0"), at);
    return;
  }
  let rest = BigInt(value);
  for (let i = at + size - 1; i >= at; i--) {
    header[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  header[at]! |= 0x80;
}

export function sign(header: Buffer): Buffer {
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

export function header(fields: HeaderFields): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  const { dialect = "ustar", device } = fields;
  bytes.set(bytesOf(fields.name ?? "").subarray(0, 100));
  writeNumber(bytes, 100, 8, fields.mode ?? 0o644);
  writeNumber(bytes, 108, 8, fields.uid ?? 0);
  writeNumber(bytes, 116, 8, fields.gid ?? 0);
  writeNumber(bytes, 124, 12, fields.size ?? 0);
  writeNumber(bytes, 136, 12, fields.mtime ?? 0);
  bytes.write(fields.type ?? "0", 156, "latin1");
  bytes.set(bytesOf(fields.link ?? "").subarray(0, 100), 157);
  if (dialect === "ustar") bytes.write("ustar\x0000", 257);
  if (dialect === "gnu") bytes.write("ustar  \0", 257);
  if (device) {
    writeNumber(bytes, 329, 8, device[0]);
    writeNumber(bytes, 337, 8, device[1]);
  }
  if (fields.prefix) bytes.write(fields.prefix, 345);
  fields.forge?.(bytes);
  return sign(bytes);
}

/** `bytes`, padded to a block with `padding`. */
export function body(bytes: string | Uint8Array, padding = 0): Buffer {
  const content = bytesOf(bytes);
  const whole = Buffer.alloc(Math.ceil(content.length / BLOCK) * BLOCK, padding);
  whole.set(content);
  return whole;
}

export function record(key: string, value: string | Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), bytesOf(value), Buffer.from("\n")]);
  let size = rest.length + 1;
  while (String(size).length + rest.length !== size) size = String(size).length + rest.length;
  return Buffer.concat([Buffer.from(String(size)), rest]);
}

export type PaxRecords = readonly (readonly [key: string, value: string | Uint8Array])[];

/** A pax header of the members that follow: of the next one, or with type `g` of all. */
export function pax(records: PaxRecords, type = "x"): Buffer {
  const text = Buffer.concat(records.map(([key, value]) => record(key, value)));
  return Buffer.concat([header({ name: "pax", type, size: text.length }), body(text)]);
}

/** The GNU way to a long name (`L`) or link target (`K`). */
export function long(type: "L" | "K", name: string | Uint8Array): Buffer {
  const text = Buffer.concat([bytesOf(name), Buffer.alloc(1)]);
  const fields = { name: "././@LongLink", type, size: text.length, dialect: "gnu" } as const;
  return Buffer.concat([header(fields), body(text)]);
}

export const end: Buffer = Buffer.alloc(2 * BLOCK);

export function archive(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...parts, end]);
}

export interface Entry {
  readonly name: string | Uint8Array;
  readonly type?: "file" | "directory" | "symlink" | "hard-link" | "character" | "block" | "fifo";
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtimeSeconds?: number;
  readonly mtimeNanoseconds?: number;
  readonly content?: string | Uint8Array;
  readonly link?: string | Uint8Array;
  readonly device?: readonly [major: number, minor: number];
  readonly xattrs?: Readonly<Record<string, string | Uint8Array>>;
}

const TYPES = {
  file: "0",
  "hard-link": "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
} as const;

/** Seconds and nanoseconds as pax has them: a sign and a decimal fraction. */
export function decimalTime(seconds: number, nanoseconds: number): string {
  const total = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
  const size = total < 0n ? -total : total;
  const fraction = String(size % 1_000_000_000n).padStart(9, "0");
  return `${total < 0n ? "-" : ""}${size / 1_000_000_000n}.${fraction}`;
}

/** A whole entry, with a pax header for what does not fit in its own. */
export function entry(e: Entry): Buffer {
  const name = bytesOf(e.name);
  const link = bytesOf(e.link ?? "");
  const content = bytesOf(e.content ?? "");
  const seconds = e.mtimeSeconds ?? 0;
  const records: [string, string | Uint8Array][] = [];
  if (name.length > 100) records.push(["path", name]);
  if (link.length > 100) records.push(["linkpath", link]);
  if (seconds < 0 || e.mtimeNanoseconds) {
    records.push(["mtime", decimalTime(seconds, e.mtimeNanoseconds ?? 0)]);
  }
  for (const [key, value] of Object.entries(e.xattrs ?? {})) {
    records.push([`SCHILY.xattr.${key}`, value]);
  }
  const own = header({
    name,
    type: TYPES[e.type ?? "file"],
    mode: e.mode ?? 0o644,
    uid: e.uid ?? 0,
    gid: e.gid ?? 0,
    size: content.length,
    mtime: Math.max(seconds, 0),
    link,
    ...(e.device ? { device: e.device } : {}),
  });
  const before = records.length > 0 ? pax(records) : Buffer.alloc(0);
  return Buffer.concat([before, own, body(content)]);
}

/** A layer's tar with these entries. */
export function tarOf(...entries: readonly Entry[]): Buffer {
  return archive(...entries.map(entry));
}
