// The file of a frozen process, which nacre-start makes processes of. launcher/frozen.h has its head.

import { fstatSync, readFileSync, statSync, writeSync } from "node:fs";
import { descriptorsOf, type FrozenDescriptor, KINDS } from "./descriptors.ts";
import { type Mapping, mappingsOf, PAGE, type Span, StoppedMemory } from "./memory.ts";

export interface FrozenProcess {
  readonly pid: number;
  /** Whose pid it was when OpenSSL drew its chance: under the same it would go on with that (RAND(7)). */
  readonly seeded: number;
  /** As freeze() of the addon gives them. */
  readonly registers: readonly bigint[];
  /** Node's path, as nacre-start is given it. */
  readonly node: string;
  /** Beginnings of entries of the environment with which Node is started as usual. */
  readonly plain: readonly string[];
  /** Files that must be as they are now, beside those that are mapped. */
  readonly files: readonly string[];
}

const MAGIC = "frozen 1";
const ANONYMOUS = -1;
/** nacre-start's own place ends there (END in launcher/frozen.h). */
const LOWEST_ADDRESS = 0x40_0000;
/** What the kernel lets a stack grow to. */
const STACK_BYTES = 8 << 20;
/** The head has 512 kB of nacre-start's place. */
const HEAD_BYTES = 0x8_0000;

/** `what` is mapped: ANONYMOUS, the image by 0, or a file by its number from 1 on. */
interface Map {
  readonly address: number;
  readonly length: number;
  readonly protection: number;
  readonly what: number;
  readonly offset: number;
}

/** Writes it to `file`, an open descriptor. */
export function writeImage(process: FrozenProcess, file: number): void {
  const all = mappingsOf(process.pid).filter(({ name }) => name !== "[vsyscall]");
  const kernels = all.filter(ofKernel);
  const mappings = all.filter((mapping) => !ofKernel(mapping));
  for (const { shared, start, name } of mappings) {
    if (shared) throw new Error(`${name} is shared memory, which cannot be made again`);
    if (start < LOWEST_ADDRESS) throw new Error(`there is memory at ${start.toString(16)}`);
  }
  using memory = new StoppedMemory(process.pid);
  const paths = [
    ...new Set([...mappings.filter(ofFile).map(({ name }) => name), ...process.files]),
  ];
  const spans: Span[] = [];
  const maps: Map[] = [];
  for (const [index, mapping] of mappings.entries()) {
    const { start, end, offset } = mapping;
    const protection = protectionOf(mapping);
    const what = ofFile(mapping) ? paths.indexOf(mapping.name) + 1 : ANONYMOUS;
    const below = mappings[index - 1]?.end ?? LOWEST_ADDRESS;
    const grown = Math.min(start, Math.max(end - STACK_BYTES, below));
    const address = mapping.name === "[stack]" ? grown : start;
    const own = memory.spans(mapping);
    // One call of mmap(2) is enough for what is in the image from end to end.
    const all = what === ANONYMOUS && own[0]?.start === address && own[0].length === end - address;
    if (!all) maps.push({ address, length: end - address, protection, what, offset });
    for (const span of own) {
      maps.push({ address: span.start, length: span.length, protection, what: 0, offset: 0 });
      spans.push(span);
    }
  }
  const descriptors = descriptorsOf(process.pid);
  const place = fstatSync(file, { bigint: true });
  const head = headOf(process, { place, paths, maps, kernels, descriptors });
  writeWhole(file, head);
  for (const span of spans) writeWhole(file, memory.read(span));
}

const ofFile = ({ inode }: Mapping): boolean => inode !== 0;
const ofKernel = ({ name }: Mapping): boolean => name.startsWith("[vvar") || name === "[vdso]";
const protectionOf = ({ read, write, execute }: Mapping): number =>
  Number(read) | (Number(write) << 1) | (Number(execute) << 2);

interface Tables {
  /** Of the file that is written. */
  readonly place: { readonly dev: bigint; readonly ino: bigint };
  readonly paths: readonly string[];
  readonly maps: readonly Map[];
  readonly kernels: readonly Mapping[];
  readonly descriptors: readonly FrozenDescriptor[];
}

/** What stands before the tables: 48 bytes of text, then 24 numbers. */
const FIXED_BYTES = 48 + 24 * 8;

function headOf(process: FrozenProcess, tables: Tables): Buffer {
  const { place, paths, maps, kernels, descriptors } = tables;
  const head = Buffer.alloc(HEAD_BYTES);
  let end = FIXED_BYTES;
  const table = (rows: readonly (readonly (number | bigint)[])[]): [at: number, count: number] => {
    const at = end;
    for (const number of rows.flat()) end = head.writeBigInt64LE(BigInt(number), end);
    return [at, rows.length];
  };
  const text = (value: string): number => {
    const at = end;
    end += head.write(`${value}\0`, end, "utf8");
    return at;
  };
  const known = paths.map((path) => [text(path), ...identity(path)]);
  const node = text(process.node);
  const plain = text([...process.plain, ""].join("\0"));
  end = Math.ceil(end / 8) * 8;
  const files = table(known);
  const rows = kernels.map(({ start, end: last }) => [start, last - start, 0, 0, 0]);
  const kernelMaps = table(rows);
  const made = table(descriptors.map((one) => [KINDS[one.kind], ...numbersOf(one)]));
  const mapsAt = end;
  const size = Math.ceil((mapsAt + maps.length * 5 * 8) / PAGE) * PAGE;
  if (size > head.length) throw new Error(`a head of ${size} bytes for ${maps.length} mappings`);
  const whole = maps.reduce((sum, { what, length }) => sum + (what === 0 ? length : 0), size);
  table(placed(maps, size));
  const vdso = kernels.find(({ name }) => name === "[vdso]")?.start ?? 0;
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  head.write(MAGIC, 0, "latin1");
  head.write(boot, MAGIC.length, "latin1");
  end = 48;
  table([
    [whole, place.dev, place.ino, process.seeded, node, plain],
    [...files, mapsAt, maps.length, ...kernelMaps, ...made],
    [vdso, ...process.registers],
  ]);
  return head.subarray(0, size);
}

const numbersOf = ({ number, flags, other, amount }: FrozenDescriptor) => [
  number,
  flags,
  other,
  amount,
];

/** Each span has its bytes behind those of the ones before it. */
function placed(maps: readonly Map[], size: number): number[][] {
  let next = size;
  return maps.map(({ address, length, protection, what, offset }) => {
    const at = what === 0 ? next : offset;
    if (what === 0) next += length;
    return [address, length, protection, what, at];
  });
}

/** What tells a file from what another one, or a change, has made of it. */
function identity(path: string): bigint[] {
  const { dev, ino, size, ctimeNs } = statSync(path, { bigint: true });
  return [dev, ino, size, ctimeNs / 1_000_000_000n, ctimeNs % 1_000_000_000n];
}

function writeWhole(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
