// The bytes of a message as they are put together.

/** What an operation says of itself: text, a number of 64 bits, a list of texts, bytes. */
export type Argument = string | bigint | readonly string[] | Uint8Array;

const text = new TextEncoder();

/** Numbers of 64 bits, one behind the other. */
export const bigWords = (values: readonly (number | bigint)[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setBigInt64(i * 8, BigInt(value), true);
  });
  return bytes;
};

/** A growing buffer; one allocation a doubling, no intermediate strings. */
export class Writer {
  #bytes = new Uint8Array(16 << 10);
  #view = new DataView(this.#bytes.buffer);
  size = 0;

  #room(more: number): void {
    if (this.size + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.size + more));
    grown.set(this.#bytes.subarray(0, this.size));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
  u8(value: number): void {
    this.#room(1);
    this.#view.setUint8(this.size++, value);
  }
  u16(value: number): void {
    this.#room(2);
    this.#view.setUint16(this.size, value, true);
    this.size += 2;
  }
  u32(value: number, at = this.size): void {
    if (at === this.size) {
      this.#room(4);
      this.size += 4;
    }
    this.#view.setUint32(at, value, true);
  }
  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.size);
    this.size += value.length;
  }
  /** UTF-8 as it is. */
  text(value: string): void {
    this.bytes(text.encode(value));
  }
  /** UTF-8 with its NUL. A NUL inside would shift what follows: it is refused by `argument`. */
  string(value: string): void {
    this.#room(value.length * 3 + 1);
    const { written } = text.encodeInto(value, this.#bytes.subarray(this.size));
    this.size += written;
    this.u8(0);
  }
  argument(value: Argument): void {
    const at = this.size;
    this.u32(0);
    if (typeof value === "bigint") {
      this.#room(8);
      this.#view.setBigUint64(this.size, BigInt.asUintN(64, value), true);
      this.size += 8;
    } else if (value instanceof Uint8Array) this.bytes(value);
    else {
      for (const one of typeof value === "string" ? [value] : value) {
        if (one.includes("\0")) throw new TypeError(`a NUL byte in ${JSON.stringify(one)}`);
        this.string(one);
      }
    }
    this.u32(this.size - at - 4, at);
  }
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.size);
  }
}
