// The members of an archive while it streams by: names, links, and each file's bytes when its turn
// comes. Archives of images have few members with plain names; layers are read by the core.
//
//   header block: name 0..100, size 124..136, type 156, link 157..257, magic 257, prefix 345..500
//   before it: pax records (type x: path, linkpath, size), or GNU's long names (types L and K)

import { NacreError } from "@nacre/core/error.ts";

const BLOCK_BYTES = 512;
/** Pax records and long names; no name is near it. */
const EXTENSION_LIMIT_BYTES = 1 << 20;

export interface ArchiveMember {
  /** Without `./` before it and slashes behind it. */
  readonly name: string;
  readonly kind: "file" | "link" | "other";
  readonly sizeBytes: number;
  /** Of a link, symbolic or hard: the name that it leads to, from the archive's root. */
  readonly target: string;
  /** The file's bytes; what is not read is skipped. Chunks are the archive's own. */
  readonly bytes: AsyncGenerator<Uint8Array>;
}

/** Bytes that are asked for by number. */
class Source {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held = new Uint8Array();

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Up to `limit` bytes, at least one; undefined at the end. */
  async some(limit: number): Promise<Uint8Array | undefined> {
    while (this.#held.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return undefined;
      this.#held = value as Uint8Array<ArrayBuffer>;
    }
    const part = this.#held.subarray(0, limit);
    this.#held = this.#held.subarray(part.length);
    return part;
  }

  /** Exactly `size` bytes; undefined if the end is here already. */
  async exactly(size: number, short = cut): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const part = await this.some(size - at);
      if (!part && at === 0) return undefined;
      if (!part) throw short();
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  async skip(size: number): Promise<void> {
    for (let left = size; left > 0; ) {
      const part = await this.some(left);
      if (!part) throw cut();
      left -= part.length;
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

/** NacreError `corrupt` for what is no tar, or one that is cut. */
export async function* tarMembers(
  archive: AsyncIterable<Uint8Array>,
): AsyncGenerator<ArchiveMember> {
  const source = new Source(archive);
  let extended: Readonly<Record<string, string>> = {};
  let first = true;
  try {
    for (;;) {
      const header = await source.exactly(BLOCK_BYTES, first ? noArchive : cut);
      if (!header || header.every((byte) => byte === 0)) {
        if (first) throw noArchive();
        return;
      }
      if (!isHeader(header)) throw first ? noArchive() : damaged();
      first = false;
      const type = String.fromCharCode(header[156] ?? 0);
      const size = sizeOf(header, extended.size);
      if (type === "x" || type === "g" || type === "L" || type === "K") {
        const more = await extension(source, type, size);
        if (type !== "g") extended = { ...extended, ...more };
        continue;
      }
      const member = memberOf(header, type, size, extended);
      extended = {};
      const body = bodyOf(source, size);
      yield { ...member, bytes: body };
      for await (const _ of body);
      await source.skip(paddingOf(size));
    }
  } finally {
    await source.close();
  }
}

async function* bodyOf(source: Source, size: number): AsyncGenerator<Uint8Array> {
  let left = size;
  try {
    while (left > 0) {
      const part = await source.some(left);
      if (!part) throw cut();
      left -= part.length;
      yield part;
    }
  } catch (error) {
    // Nothing can be skipped of what broke.
    left = 0;
    throw error;
  } finally {
    if (left > 0) await source.skip(left);
  }
}

const paddingOf = (size: number): number => (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;

async function extension(
  source: Source,
  type: string,
  size: number,
): Promise<Readonly<Record<string, string>>> {
  if (size > EXTENSION_LIMIT_BYTES) throw damaged();
  const bytes = (await source.exactly(size)) ?? new Uint8Array();
  await source.skip(paddingOf(size));
  const text = new TextDecoder();
  if (type === "L") return { path: text.decode(bytes).replace(/\0.*$/s, "") };
  if (type === "K") return { linkpath: text.decode(bytes).replace(/\0.*$/s, "") };
  const records: Record<string, string> = {};
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(text.decode(bytes.subarray(at, space)));
    if (space < 0 || !(length > space - at) || at + length > bytes.length) throw damaged();
    const record = text.decode(bytes.subarray(space + 1, at + length - 1));
    const equals = record.indexOf("=");
    records[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
  return records;
}

function memberOf(
  header: Uint8Array,
  type: string,
  size: number,
  { path, linkpath }: Readonly<Record<string, string>>,
): Omit<ArchiveMember, "bytes"> {
  const isUstar = textAt(header, 257, 5) === "ustar";
  const prefix = isUstar && header[262] === 0 ? textAt(header, 345, 155) : "";
  const short = textAt(header, 0, 100);
  const name = path ?? (prefix === "" ? short : `${prefix}/${short}`);
  const link = linkpath ?? textAt(header, 157, 100);
  const plain = plainName(name, "");
  const isLink = type === "1" || type === "2";
  const base = type === "2" ? plain.slice(0, plain.lastIndexOf("/") + 1) : "";
  return {
    name: plain,
    kind: isLink ? "link" : type === "0" || type === "\0" || type === "7" ? "file" : "other",
    sizeBytes: size,
    target: isLink ? plainName(link, base) : "",
  };
}

/** A name from the archive's root, with `.` and `..` done; nothing leads out of it. */
function plainName(name: string, base: string): string {
  const parts: string[] = [];
  for (const part of `${name.startsWith("/") ? "" : base}${name}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function textAt(header: Uint8Array, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function sizeOf(header: Uint8Array, extended: string | undefined): number {
  const size = extended === undefined ? numberAt(header, 124, 12) : Number(extended);
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw damaged();
}

/** Octal digits, or in GNU's way big-endian binary after a first byte of 0x80. */
function numberAt(header: Uint8Array, at: number, length: number): number {
  if (((header[at] ?? 0) & 0x80) !== 0) {
    const bytes = header.subarray(at + 1, at + length);
    return bytes.reduce((sum, byte) => sum * 256 + byte, (header[at] ?? 0) & 0x7f);
  }
  const text = textAt(header, at, length).trim();
  return text === "" ? 0 : /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

/** Whether the checksum holds. */
function isHeader(header: Uint8Array): boolean {
  let sum = 0;
  for (const [at, byte] of header.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte;
  return numberAt(header, 148, 8) === sum;
}

const noArchive = (): NacreError =>
  new NacreError("corrupt", "this is not an image archive: it is not a tar", {
    advice: "It should come from save, from podman save, or from skopeo.",
  });

const damaged = (): NacreError =>
  new NacreError("corrupt", "the archive is damaged: what should be a header is none");

const cut = (): NacreError =>
  new NacreError("corrupt", "the archive is cut: it ends in the middle of a file", {
    advice: "Make or fetch it again.",
  });
