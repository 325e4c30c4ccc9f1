// Linear memory as the core sees it: a bump allocator, typed reads and writes, and one fixed
// I/O buffer through which the host hands bytes in.
//
// Nothing is ever freed. A core instance is an arena: the host makes one for a job (an image's
// merge, a command's references), and drops it whole. That is faster than a collector, and a
// hostile input can waste no more than its own instance.
//
// This is the only file that touches memory by address. The JavaScript build of the same sources
// swaps it for memory.portable.ts; all other files must therefore run with the same meaning as
// AssemblyScript and as TypeScript: pointers and sizes are u32, quantities past 2^32 are f64
// (exact to 2^53), conversions are calls (`u32(x)`, never `<u32>x` or `x as u32`), products of
// large integers go through `Math.imul`, and results that may exceed 31 bits end in `>>> 0`.

/** Size in bytes of the I/O buffer. */
export const IO_CAPACITY: u32 = 1 << 20;

const ioBuffer: u32 = u32(heap.alloc(IO_CAPACITY));

/** Address of the I/O buffer, for the host. */
export function io(): u32 {
  return ioBuffer;
}

/** `size` bytes, zeroed, aligned to 16. Traps only where the host refuses more memory. */
export function alloc(size: u32): u32 {
  // Zero already: memory comes so, and nothing is freed, so none is given out twice. Zeroing it
  // again would make the kernel provide pages that may never be used.
  return u32(heap.alloc(size));
}

export function getU8(p: u32): u32 {
  return load<u8>(p);
}
export function getU16(p: u32): u32 {
  return load<u16>(p);
}
export function getU32(p: u32): u32 {
  return load<u32>(p);
}
export function getF64(p: u32): f64 {
  return load<f64>(p);
}
export function setU8(p: u32, v: u32): void {
  store<u8>(p, v);
}
export function setU16(p: u32, v: u32): void {
  store<u16>(p, v);
}
export function setU32(p: u32, v: u32): void {
  store<u32>(p, v);
}
export function setF64(p: u32, v: f64): void {
  store<f64>(p, v);
}
export function copy(to: u32, from: u32, size: u32): void {
  memory.copy(to, from, size);
}
export function fill(p: u32, value: u32, size: u32): void {
  memory.fill(p, u8(value), size);
}
/** The sum of `size` bytes, a multiple of 16 and at most 2 KiB. */
export function sumBytes(p: u32, size: u32): u32 {
  let sums = i32x4.splat(0);
  const end = p + size;
  for (let at = p; at < end; at += 16) {
    const pairs = i16x8.extadd_pairwise_i8x16_u(v128.load(at));
    sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(pairs));
  }
  const low = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
  return u32(low + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3));
}
