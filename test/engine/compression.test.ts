import { recognise } from "@nacre/engine/images/compression.ts";
import { describe, expect, it } from "vitest";

const MAGICS = {
  gzip: [0x1f, 0x8b],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0],
  bzip2: [0x42, 0x5a, 0x68],
  none: [0x75, 0x73, 0x74, 0x61, 0x72],
};

/** A chunk for each byte, all in the same place, as a reader with one buffer gives them. */
async function* byByte(bytes: readonly number[], ended: () => void): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(1);
  try {
    for (const byte of bytes) {
      buffer[0] = byte;
      yield buffer;
    }
  } finally {
    ended();
  }
}

describe("a source of unknown compression", () => {
  it.each(Object.entries(MAGICS))("is seen to be %s in chunks of any size", async (name, magic) => {
    const bytes = [...magic, 1, 2, 3];
    const { compression, whole } = await recognise(byByte(bytes, () => {}));
    expect(compression).toBe(name);
    const read: number[] = [];
    for await (const chunk of whole) read.push(...chunk);
    expect(read).toEqual(bytes);
  });

  it("is let go of by whoever reads no further than its head", async () => {
    let ended = false;
    const { whole } = await recognise(byByte([1, 2, 3, 4, 5, 6, 7, 8], () => (ended = true)));
    for await (const _ of whole) break;
    expect(ended).toBe(true);
  });
});
