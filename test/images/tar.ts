// A writer of tars for tests: small, and willing to write what no archiver would. Format: POSIX
// ustar with pax records where a value does not fit (IEEE Std 1003.1, pax interchange format).

export interface TarEntry {
  readonly name: string;
  readonly type?: "file" | "directory" | "symlink" | "hardlink" | "character" | "block" | "fifo";
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds since the epoch; a fraction needs a pax record and gets one. */
  readonly mtime?: number;
  readonly content?: string | Uint8Array;
  /** Target of a symlink or hard link. */
  readonly link?: string;
  readonly device?: readonly [major: number, minor: number];
  /** More pax records: `SCHILY.xattr.user.x`, … */
  readonly pax?: Readonly<Record<string, string>>;
  /** Changes the header before its checksum is computed. */
  readonly forge?: (header: Buffer) => void;
  /** Changes the header after that: a wrong checksum. */
  readonly damage?: (header: Buffer) => void;
}

const BLOCK = 512;
/** Fixed, so that the same entries give the same tar. */
const EPOCH = 1_700_000_000;

const DEFAULT_MODE: Readonly<Record<string, number>> = { directory: 0o755, symlink: 0o777 };

const TYPE_FLAG = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
} as const;

function octal(header: Buffer, offset: number, length: number, value: number): void {
  header.write(value.toString(8).padStart(length - 1, "0"), offset, length - 1, "latin1");
}

function seal(header: Buffer): void {
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
}

function padded(content: Uint8Array): Buffer {
  const block = Buffer.alloc(Math.ceil(content.length / BLOCK) * BLOCK);
  block.set(content);
  return block;
}

interface HeaderFields {
  readonly name: string;
  readonly flag: string;
  readonly sizeBytes: number;
  readonly entry: TarEntry;
}

function header({ name, flag, sizeBytes, entry }: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100, "utf8");
  octal(block, 100, 8, entry.mode ?? DEFAULT_MODE[entry.type ?? "file"] ?? 0o644);
  octal(block, 108, 8, entry.uid ?? 0);
  octal(block, 116, 8, entry.gid ?? 0);
  octal(block, 124, 12, sizeBytes);
  octal(block, 136, 12, Math.floor(entry.mtime ?? EPOCH));
  block.write(flag, 156, 1, "latin1");
  block.write(entry.link ?? "", 157, 100, "utf8");
  block.write("ustar\u000000", 257, 8, "latin1");
  if (entry.device !== undefined) {
    octal(block, 329, 8, entry.device[0]);
    octal(block, 337, 8, entry.device[1]);
  }
  return block;
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function paxOf(entry: TarEntry): string {
  const records: Record<string, string> = { ...entry.pax };
  if (Buffer.byteLength(entry.name) > 100) records.path = entry.name;
  if (Buffer.byteLength(entry.link ?? "") > 100) records.linkpath = entry.link ?? "";
  if (!Number.isInteger(entry.mtime ?? 0)) records.mtime = String(entry.mtime);
  return Object.entries(records)
    .map(([key, value]) => paxRecord(key, value))
    .join("");
}

/** The blocks of one entry: its pax header if it needs one, its own, its content. */
export function tarEntry(entry: TarEntry): Buffer {
  const parts: Buffer[] = [];
  const pax = Buffer.from(paxOf(entry));
  if (pax.length > 0) {
    const fields = { name: "PaxHeaders/entry", flag: "x", sizeBytes: pax.length };
    const block = header({ ...fields, entry: { name: "" } });
    seal(block);
    parts.push(block, padded(pax));
  }
  const content = Buffer.from(entry.content ?? "");
  const flag = TYPE_FLAG[entry.type ?? "file"];
  const block = header({ name: entry.name, flag, sizeBytes: content.length, entry });
  entry.forge?.(block);
  seal(block);
  entry.damage?.(block);
  parts.push(block, padded(content));
  return Buffer.concat(parts);
}

/** Two empty blocks end an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK);

export function tar(entries: Iterable<TarEntry>): Buffer {
  return Buffer.concat([...Array.from(entries, tarEntry), TAR_END]);
}
