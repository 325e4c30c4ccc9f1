// Where the frames of a zstd stream end (RFC 8878, section 3.1). A layer may have many: pzstd
// writes one a thread, zstd:chunked one a file. Node's decompressor goes on with the next frame
// only if a write ended with the last one; what else a write holds behind a frame's end it drops
// without a word (seen in 24.21). So no write may hold such an end within.
//
//   frame      magic FD2FB528 · descriptor (1) · window (0-1) · dictionary (0-4) · size (0-8) · blocks · checksum (0-4)
//   block      header (3): last (1 bit), type (2 bits), size (21 bits) · size bytes; of type 1 one byte
//   skippable  magic 184D2A50 … 184D2A5F · size (4) · size bytes

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const CHECKSUM_BYTES = 4;
const RUN_LENGTH = 1;

type Field = "magic" | "skippable-size" | "descriptor" | "block-header" | "payload" | "damaged";

export class ZstdFrames {
  #field: Field = "magic";
  /** The field being collected: little-endian value, bytes so far, bytes wanted. */
  #value = 0;
  #have = 0;
  #want = 4;
  /** What follows the payload or header that is being skipped. */
  #next: Field = "magic";
  #skip = 0;
  #checksum = 0;
  /** Frames that have ended. */
  #frames = 0;

  /**
   * Why what was split so far is no whole stream. Node 22's decompressor takes one that ends in the
   * middle of a frame for a whole one, and no Node minds the beginning of a magic number (24.21).
   */
  get lacking(): string | undefined {
    if (this.#field === "damaged") return "there is something that is no frame";
    if (this.#field === "magic" && this.#have === 0 && this.#frames > 0) return undefined;
    return "it ends too early";
  }

  /** `chunk` in parts of which each ends where a frame ends, but for the last. */
  *split(chunk: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.#field === "damaged") break;
      if (this.#field === "payload") {
        const step = Math.min(this.#skip, chunk.length - at);
        this.#skip -= step;
        at += step;
        if (this.#skip > 0) break;
        if (this.#enter(this.#next)) {
          yield chunk.subarray(start, at);
          start = at;
        }
        continue;
      }
      this.#value += (chunk[at++] as number) * 2 ** (8 * this.#have++);
      // A skippable frame may be empty and end with its size.
      if (this.#have === this.#want && this.#read() && at > start) {
        yield chunk.subarray(start, at);
        start = at;
      }
    }
    if (start < chunk.length) yield chunk.subarray(start);
  }

  /** Begins a field; whether a frame ended before it. */
  #enter(field: Field): boolean {
    this.#field = field;
    this.#value = 0;
    this.#have = 0;
    this.#want = field === "descriptor" ? 1 : field === "block-header" ? 3 : 4;
    if (field !== "magic") return false;
    this.#frames += 1;
    return true;
  }

  #jump(bytes: number, next: Field): boolean {
    this.#skip = bytes;
    this.#next = next;
    if (bytes === 0) return this.#enter(next);
    this.#field = "payload";
    return false;
  }

  /** Acts on a field that is complete; whether a frame ends with it. */
  #read(): boolean {
    const value = this.#value;
    switch (this.#field) {
      case "magic":
        if (value === MAGIC) return this.#enter("descriptor");
        if (value - (value % 16) === SKIPPABLE_MAGIC) return this.#enter("skippable-size");
        // What this is the decompressor says.
        return this.#enter("damaged");
      case "skippable-size":
        return this.#jump(value, "magic");
      case "descriptor":
        this.#checksum = value & 4 ? CHECKSUM_BYTES : 0;
        return this.#jump(headerBytes(value), "block-header");
      default: {
        const size = value >> 3;
        const bytes = ((value >> 1) & 3) === RUN_LENGTH ? 1 : size;
        const last = (value & 1) === 1;
        return last
          ? this.#jump(bytes + this.#checksum, "magic")
          : this.#jump(bytes, "block-header");
      }
    }
  }
}

/** The size of what lies between a frame's descriptor and its first block. */
function headerBytes(descriptor: number): number {
  const single = (descriptor >> 5) & 1;
  const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
  const sizeFlag = descriptor >> 6;
  const contentSize = sizeFlag === 0 ? single : 2 ** sizeFlag;
  return (single ? 0 : 1) + dictionary + contentSize;
}
