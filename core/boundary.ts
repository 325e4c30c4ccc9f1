// How bytes cross into the core: through its one I/O buffer, or, past that, an allocation.

import type { Core } from "./core.ts";

/** Size in bytes of the core's I/O buffer; memory.ts in core/assembly has the same number. */
export const IO_CAPACITY_BYTES = 1 << 20;

const encoder = new TextEncoder();

/** Bytes in the core's memory; valid until the I/O buffer is written again. */
export interface Placed {
  readonly pointer: number;
  readonly length: number;
}

/** Writes `text` as UTF-8 where the core can read it. */
export function placeText(core: Core, text: string): Placed {
  const pointer = core.exports.io!();
  if (text.length * 3 <= IO_CAPACITY_BYTES) {
    const { written } = encoder.encodeInto(text, core.view(pointer, IO_CAPACITY_BYTES));
    return { pointer, length: written };
  }
  return placeBytes(core, encoder.encode(text));
}

/** Writes `bytes` where the core can read them. */
export function placeBytes(core: Core, bytes: Uint8Array): Placed {
  const { io, alloc } = core.exports;
  const pointer = bytes.length <= IO_CAPACITY_BYTES ? io!() : alloc!(bytes.length);
  core.view(pointer, bytes.length).set(bytes);
  return { pointer, length: bytes.length };
}

/** `count` unsigned 32-bit fields at `pointer`, as the core wrote them. */
export function readFields(core: Core, pointer: number, count: number): Uint32Array {
  return new Uint32Array(core.exports.memory.buffer, pointer, count);
}
