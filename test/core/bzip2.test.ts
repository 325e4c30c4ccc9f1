// Held to what bzip2 makes: it is there on every Debian.

import { execFileSync } from "node:child_process";
import { unpackBzip2 } from "@nacre/core/bzip2.ts";
import { describe, expect, it } from "vitest";

const pack = (bytes: Uint8Array, level = "-9"): Buffer =>
  execFileSync("bzip2", [level, "-c"], { input: bytes });

async function unpacked(packed: Uint8Array, size = 1000): Promise<Buffer> {
  async function* pieces() {
    for (let at = 0; at < packed.length; at += size) yield packed.subarray(at, at + size);
  }
  const parts: Uint8Array[] = [];
  for await (const part of unpackBzip2(pieces())) parts.push(part);
  return Buffer.concat(parts);
}

/** Of one seed, so that a failure can be had again. */
function noise(size: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

const text = Buffer.from("mother-of-pearl, thin layers one upon another; ".repeat(9000));
const subjects: [string, Uint8Array][] = [
  ["nothing", new Uint8Array()],
  ["a byte", Buffer.from("a")],
  ["words", text],
  ["what cannot be compressed", noise(250_000)],
  ["a long run", new Uint8Array(1_000_000)],
  [
    "runs of all lengths",
    Buffer.from(Array.from({ length: 600 }, (_, n) => `${n % 7}`.repeat(n)).join("")),
  ],
];

describe("bzip2", () => {
  it.each(subjects)("unpacks %s", async (_, bytes) => {
    for (const level of ["-1", "-9"]) {
      expect(Buffer.compare(await unpacked(pack(bytes, level)), Buffer.from(bytes))).toBe(0);
    }
  });

  it("unpacks streams that follow one another, in pieces of any size", async () => {
    const both = Buffer.concat([pack(text), pack(text, "-1")]);
    for (const size of [1, 7, both.length]) {
      expect(Buffer.compare(await unpacked(both, size), Buffer.concat([text, text]))).toBe(0);
    }
  });

  it("refuses what is cut, damaged, or followed by something else", async () => {
    const packed = pack(text);
    for (const size of [3, 10, 40, packed.length - 1]) {
      await expect(unpacked(packed.subarray(0, size))).rejects.toMatchObject({ kind: "corrupt" });
    }
    for (let at = 4; at < packed.length; at += 61) {
      const other = Buffer.from(packed);
      other[at]! ^= 0x10;
      await expect(unpacked(other)).rejects.toThrow();
    }
    const followed = Buffer.concat([packed, Buffer.from("more")]);
    await expect(unpacked(followed)).rejects.toThrow("other bytes follow its end");
  });

  it("lets go of its source when nobody wants more", async () => {
    let released = false;
    async function* source() {
      try {
        yield pack(text);
      } finally {
        released = true;
      }
    }
    for await (const _ of unpackBzip2(source())) break;
    expect(released).toBe(true);
  });
});
