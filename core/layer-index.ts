// Indexes a layer while its tar streams by: header of core/assembly/tar.ts.

import { concatenate } from "./bytes.ts";
import type { Core } from "./core.ts";
import { layerError, names } from "./layer-fault.ts";

/**
 * How many bytes are handed to the core where it does not say what it can do without. More means
 * fewer calls, and more bytes of small files copied for nothing.
 */
const WINDOW_BYTES = 32768;

/**
 * Takes the uncompressed tar of one layer in chunks of any size, and makes its index: what
 * `ImageTree.merge` needs in place of the tar. One layer, one indexer.
 */
export class LayerIndexer {
  readonly #core: Core;
  readonly #reader: number;
  #window: Uint8Array<ArrayBuffer>;

  constructor(core: Core) {
    this.#core = core;
    this.#reader = core.exports.tarNew!();
    this.#window = core.view(core.exports.io!(), WINDOW_BYTES);
  }

  /**
   * The next bytes of the tar. Only headers enter the core.
   * @throws NacreError `corrupt` or `invalid`, with the entry's name and offset
   */
  write(chunk: Uint8Array): void {
    const { tarSkip, tarPass } = this.#core.exports;
    let at = 0;
    while (at < chunk.length) {
      const skip = Math.min(tarSkip!(this.#reader), chunk.length - at);
      if (skip > 0) {
        tarPass!(this.#reader, skip);
        at += skip;
      } else {
        const part = chunk.subarray(at, at + WINDOW_BYTES);
        this.#feed(part);
        at += part.length;
      }
    }
  }

  #feed(part: Uint8Array): void {
    const { io, memory, tarFeed } = this.#core.exports;
    if (this.#window.buffer !== memory.buffer) {
      this.#window = this.#core.view(io!(), WINDOW_BYTES);
    }
    this.#window.set(part);
    this.#check(tarFeed!(this.#reader, this.#window.byteOffset, part.length));
  }

  /**
   * Says that the tar is over.
   * @returns the index, to be kept beside the tar
   * @throws NacreError `corrupt` where the tar ends too early
   */
  finish(): Uint8Array<ArrayBuffer> {
    const { tarFinish, tarIndexPart, tarIndexPartSize } = this.#core.exports;
    this.#check(tarFinish!(this.#reader));
    const parts = [0, 1, 2].map((part) =>
      this.#core.view(tarIndexPart!(this.#reader, part), tarIndexPartSize!(this.#reader, part)),
    );
    return concatenate(parts);
  }

  #check(fault: number): void {
    if (fault === 0) return;
    const { tarMemberName, tarMemberNameSize, tarMemberOffset } = this.#core.exports;
    const bytes = this.#core.view(tarMemberName!(this.#reader), tarMemberNameSize!(this.#reader));
    const name = bytes.length === 0 ? "" : ` (${JSON.stringify(names.decode(bytes))})`;
    throw layerError(fault, `the layer's entry at byte ${tarMemberOffset!(this.#reader)}${name}`);
  }
}
