// gzip by the addon: header of addon/inflate.c.

import { NacreError } from "@nacre/core/error.ts";
import type { Addon, InflaterHandle } from "./addon.ts";

const ENDED = 1;
const DAMAGED = -1;

/**
 * Yields buffers that `take` gives, each full but for the last; they are the consumer's. A chunk
 * of `source` is used up when the next one is asked for. The file may have several members
 * (RFC 1952, section 2.2), and nothing else behind one.
 */
export async function* inflateMembers(
  addon: Addon,
  inflater: InflaterHandle,
  source: AsyncIterable<Uint8Array>,
  take: () => Uint8Array,
): AsyncGenerator<Uint8Array> {
  let output = take();
  let room = output.length;
  let atEnd = false;
  for await (const chunk of source) {
    let left = chunk.length;
    // The library may hold back what did not fit: a full buffer says nothing about the input.
    for (let full = false; left > 0 || full; ) {
      const step = addon.inflate(
        inflater,
        chunk.subarray(chunk.length - left),
        output.subarray(output.length - room),
      );
      const [status, inputLeft, outputLeft] = await step;
      if (status === DAMAGED) throw damaged(atEnd ? "other bytes follow its end" : "wrong bytes");
      const moved = inputLeft < left || outputLeft < room;
      if (!moved && left > 0) throw damaged("it leads nowhere");
      if (moved || status === ENDED) atEnd = status === ENDED;
      left = inputLeft;
      room = outputLeft;
      full = room === 0;
      if (!full) continue;
      yield output;
      output = take();
      room = output.length;
    }
  }
  if (!atEnd) throw damaged("it ends too early");
  if (room < output.length) yield output.subarray(0, output.length - room);
}

const damaged = (reason: string): NacreError =>
  new NacreError("corrupt", `the gzip stream is damaged: ${reason}`);
