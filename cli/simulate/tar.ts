// A layer from a literal: files by path, written as the tar that a registry would send.
// Source: POSIX pax(1), ustar and extended headers.

const BLOCK_BYTES = 512;
const encoder = new TextEncoder();

export interface TarEntry {
  /** Without a slash at its start. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly content?: Uint8Array;
  /** Of a symlink. */
  readonly target?: string;
}

const TYPES = { file: "0", symlink: "2", directory: "5", extended: "x" } as const;

function header(
  name: string,
  type: keyof typeof TYPES,
  entry: Pick<TarEntry, "mode" | "uid" | "gid">,
  size: number,
  target = "",
): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (text: string, at: number): void => block.set(encoder.encode(text), at);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");
  put(name, 0);
  put(octal(entry.mode, 7), 100);
  put(octal(entry.uid, 7), 108);
  put(octal(entry.gid, 7), 116);
  put(octal(size, 11), 124);
  put(octal(0, 11), 136);
  put(" ".repeat(8), 148);
  put(TYPES[type], 156);
  put(target, 157);
  put("ustar\u000000", 257);
  put(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0`,
    148,
  );
  return block;
}

/** `LENGTH key=value\n`, where the length counts itself. */
function record(key: string, value: string): string {
  const bytes = encoder.encode(` ${key}=${value}\n`).length;
  let length = bytes + 1;
  while (`${length}`.length + bytes !== length) length = `${length}`.length + bytes;
  return `${length} ${key}=${value}\n`;
}

function* blocksOf(entry: TarEntry): Generator<Uint8Array> {
  const { path, type, content = new Uint8Array(), target = "" } = entry;
  const tooLong = (text: string): boolean => encoder.encode(text).length > 100;
  const records = [
    ...(tooLong(path) ? [record("path", path)] : []),
    ...(tooLong(target) ? [record("linkpath", target)] : []),
  ];
  if (records.length > 0) {
    const extension = encoder.encode(records.join(""));
    yield header("extended", "extended", entry, extension.length);
    yield* padded(extension);
  }
  const [name, link] = [path, target].map((text) => (tooLong(text) ? "" : text));
  yield header(name as string, type, entry, content.length, link);
  yield* padded(content);
}

function* padded(content: Uint8Array): Generator<Uint8Array> {
  yield content;
  yield new Uint8Array((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** Entries in their order: a directory stands before what is in it. */
export function tarOf(entries: readonly TarEntry[]): Uint8Array<ArrayBuffer> {
  const blocks = [...entries.flatMap((entry) => [...blocksOf(entry)]), new Uint8Array(1024)];
  const bytes = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}
