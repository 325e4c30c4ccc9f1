// memory.ts for the JavaScript build: the same functions over one ArrayBuffer that grows.

export const IO_CAPACITY = 1 << 20;

let bytes = new Uint8Array(4 << 20);
let view = new DataView(bytes.buffer);
let top = 16;
const ioBuffer = alloc(IO_CAPACITY);

/** What the facade reads: the buffer behind every address. */
export const memory = {
  get buffer(): ArrayBuffer {
    return bytes.buffer;
  },
};

export function io(): number {
  return ioBuffer;
}

export function alloc(size: number): number {
  const p = top;
  top = (p + size + 15) & ~15;
  if (top > bytes.length) {
    const grown = new Uint8Array(Math.max(bytes.length * 2, top));
    grown.set(bytes);
    bytes = grown;
    view = new DataView(bytes.buffer);
  }
  return p;
}

export const getU8 = (p: number): number => view.getUint8(p);
export const getU16 = (p: number): number => view.getUint16(p, true);
export const getU32 = (p: number): number => view.getUint32(p, true);
export const getF64 = (p: number): number => view.getFloat64(p, true);
export const setU8 = (p: number, v: number): void => view.setUint8(p, v);
export const setU16 = (p: number, v: number): void => view.setUint16(p, v, true);
export const setU32 = (p: number, v: number): void => view.setUint32(p, v, true);
export const setF64 = (p: number, v: number): void => view.setFloat64(p, v, true);
export const copy = (to: number, from: number, size: number): void => {
  bytes.copyWithin(to, from, from + size);
};
export const fill = (p: number, value: number, size: number): void => {
  bytes.fill(value, p, p + size);
};
export const sumBytes = (p: number, size: number): number => {
  let sum = 0;
  for (let at = p; at < p + size; at++) sum += bytes[at] as number;
  return sum;
};
