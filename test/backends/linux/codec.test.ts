import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { loadAddon } from "@nacre/linux/addon.ts";
import { type Inflating, LinuxCodec } from "@nacre/linux/codec.ts";
import { ZstdFrames } from "@nacre/linux/zstd-frames.ts";
import { describe, expect, it } from "vitest";

const ADDON = fileURLToPath(new URL("../../../backends/linux/dist/addon.node", import.meta.url));
const codec = new LinuxCodec();
const text = Buffer.alloc(3_000_000, "mother-of-pearl, ");

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unpack(
  kind: "gzip" | "zstd" | "none",
  bytes: Uint8Array,
  size = 1000,
  by: LinuxCodec = codec,
) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of by.decompress(kind, pieces(bytes, size))) {
    chunks.push(Uint8Array.from(chunk));
    by.recycle(chunk);
  }
  return Buffer.concat(chunks);
}

/** Incompressible bytes, which zstd stores in raw blocks. */
function noise(seed: number): Buffer {
  const parts = Array.from({ length: 40 }, (_, i) =>
    createHash("sha512").update(`${seed} ${i}`).digest(),
  );
  return Buffer.concat(parts);
}
const randomFrame = (seed: number): Buffer => zstdCompressSync(noise(seed));

function* plainParts(): Generator<Buffer> {
  for (let at = 0; at < text.length; at += 99_999) {
    yield text.subarray(at, at + 99_999);
    yield noise(at);
  }
}

const corrupt = expect.objectContaining({ kind: "corrupt" });

describe("the codec of Linux", () => {
  it("hashes as everybody does", () => {
    for (const algorithm of ["sha256", "sha512"] as const) {
      const hasher = codec.hasher(algorithm);
      hasher.update(text.subarray(0, 10));
      hasher.update(text.subarray(10));
      const expected = createHash(algorithm).update(text).digest("hex");
      expect(hasher.digest()).toBe(`${algorithm}:${expected}`);
    }
  });

  it("hashes in another thread what is large, the same with and without the addon", async () => {
    for (const by of [codec, new LinuxCodec(ADDON)]) {
      for (const algorithm of ["sha256", "sha512"] as const) {
        const hasher = by.hasher(algorithm);
        const expected = createHash(algorithm);
        // Small and large ones, in both ways, in turns.
        for (const [i, size] of [1, 1 << 20, 100, 1 << 15, (1 << 15) - 1, 700_001].entries()) {
          const bytes = text.subarray(i, i + size);
          expected.update(bytes);
          if (i % 3 === 2) hasher.update(bytes);
          else await hasher.absorb(bytes);
        }
        expect(hasher.digest()).toBe(`${algorithm}:${expected.digest("hex")}`);
        expect(by.hasher(algorithm).digest()).toBe(
          `${algorithm}:${createHash(algorithm).digest("hex")}`,
        );
      }
    }
  });

  it("leaves the caller's thread free while it hashes", async () => {
    expect(loadAddon(ADDON)?.createHasher("sha256")).toBeDefined();
    const large = Buffer.alloc(64 << 20, 7);
    const hasher = new LinuxCodec(ADDON).hasher("sha256");
    let turns = 0;
    const absorbed = hasher.absorb(large).then(() => "done");
    while ((await Promise.race([absorbed, new Promise((r) => setImmediate(r, "turn"))])) === "turn")
      turns++;
    expect(turns).toBeGreaterThan(0);
    expect(hasher.digest()).toBe(`sha256:${createHash("sha256").update(large).digest("hex")}`);
  });

  it("compresses to what is read back, the same whenever it does", async () => {
    const packed = async () => {
      const parts: Uint8Array[] = [];
      for await (const part of codec.compress(pieces(text, 99_999)))
        parts.push(Uint8Array.from(part));
      return Buffer.concat(parts);
    };
    const first = await packed();
    expect(first.length).toBeLessThan(text.length / 20);
    expect((await packed()).equals(first)).toBe(true);
    expect((await unpack("gzip", first)).equals(text)).toBe(true);
  });

  it("ends compressing with what breaks its source", async () => {
    const broken = async function* () {
      yield text;
      throw new Error("broken");
    };
    await expect(async () => {
      for await (const _ of codec.compress(broken()));
    }).rejects.toThrow("broken");
  });

  it("decompresses gzip, zstd and nothing, in chunks of any size", async () => {
    for (const size of [777, 1 << 20]) {
      expect((await unpack("gzip", gzipSync(text), size)).equals(text)).toBe(true);
      expect((await unpack("zstd", zstdCompressSync(text), size)).equals(text)).toBe(true);
      expect((await unpack("none", text, size)).equals(text)).toBe(true);
    }
  });

  it("reads all members of a gzip file and all frames of a zstd one", async () => {
    const halves = [text.subarray(0, 100_000), text.subarray(100_000)];
    const whole = await unpack("gzip", Buffer.concat(halves.map((half) => gzipSync(half))));
    expect(whole.equals(text)).toBe(true);
    const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const empty = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
    const checked = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
    const frames: Buffer[] = [skippable, empty, zstdCompressSync(Buffer.alloc(0)), skippable];
    for (let at = 0; at < text.length; at += 99_999) {
      const part = text.subarray(at, at + 99_999);
      frames.push(zstdCompressSync(part, at % 2 ? checked : {}), randomFrame(at), empty);
    }
    const expected = Buffer.concat([...plainParts()]);
    for (const size of [3, 1000, 1 << 20]) {
      expect((await unpack("zstd", Buffer.concat(frames), size)).equals(expected)).toBe(true);
    }
  });

  it("says corrupt of what ends too early, is damaged or goes on after its end", async () => {
    for (const [kind, packed] of [
      ["gzip", gzipSync(text)],
      ["zstd", zstdCompressSync(text)],
    ] as const) {
      const damaged = Buffer.from(packed);
      damaged[Math.floor(damaged.length / 2)]! ^= 0x55;
      damaged[damaged.length - 2]! ^= 0x55;
      await expect(unpack(kind, packed.subarray(0, packed.length - 20))).rejects.toEqual(corrupt);
      await expect(unpack(kind, damaged)).rejects.toEqual(corrupt);
    }
    const followed = Buffer.concat([gzipSync(text), Buffer.alloc(100_000, "x")]);
    await expect(unpack("gzip", followed)).rejects.toEqual(corrupt);
    await expect(unpack("gzip", Buffer.from("this is no gzip"))).rejects.toEqual(corrupt);
  });

  it("says corrupt of a zstd stream unless it ends where a frame does", async () => {
    const frame = zstdCompressSync(noise(1));
    for (const size of [7, 1 << 20]) {
      for (const end of [0, 1, 3, 4, 5, 20, frame.length - 1]) {
        await expect(unpack("zstd", frame.subarray(0, end), size)).rejects.toEqual(corrupt);
        const second = Buffer.concat([frame, frame.subarray(0, end)]);
        if (end > 0) await expect(unpack("zstd", second, size)).rejects.toEqual(corrupt);
      }
      const followed = Buffer.concat([frame, Buffer.from("no frame")]);
      await expect(unpack("zstd", followed, size)).rejects.toEqual(corrupt);
      expect((await unpack("zstd", frame, size)).equals(noise(1))).toBe(true);
    }
  });

  it("knows by itself whether a zstd stream is whole, which not every Node says", () => {
    const frame = zstdCompressSync(noise(1));
    const lackingAfter = (bytes: Uint8Array) => {
      const frames = new ZstdFrames();
      expect(Buffer.concat([...frames.split(bytes)]).equals(bytes)).toBe(true);
      return frames.lacking;
    };
    expect(lackingAfter(frame)).toBeUndefined();
    expect(lackingAfter(Buffer.alloc(0))).toBe("it ends too early");
    expect(lackingAfter(frame.subarray(0, frame.length - 1))).toBe("it ends too early");
    expect(lackingAfter(Buffer.concat([frame, frame.subarray(0, 2)]))).toBe("it ends too early");
    expect(lackingAfter(Buffer.from("no frame"))).toBe("there is something that is no frame");
  });

  it("hands on the source's own error, and lets go of a source that it does not finish", async () => {
    async function* broken() {
      yield gzipSync(text).subarray(0, 500);
      throw new RangeError("the source broke");
    }
    const whole = async () => {
      for await (const _ of codec.decompress("gzip", broken()));
    };
    await expect(whole()).rejects.toThrow("the source broke");

    const ended = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) yield gzipSync(text);
      } finally {
        ended.resolve();
      }
    }
    for await (const _ of codec.decompress("gzip", endless())) break;
    await ended.promise;
  });
});

const isAbsent = (by: Inflating): boolean =>
  by === "isal" && loadAddon(ADDON)?.createInflater(by) === undefined;

/** Few bytes and many, of every kind of block. */
const SAMPLES = [Buffer.alloc(0), noise(1), text, Buffer.concat([...plainParts()])];

describe.each<Inflating>(["isal", "zlib", "node"])("gzip, inflated by %s", (by) => {
  const inflating = new LinuxCodec(ADDON, [by]);
  // ISA-L comes with the Debian package isal, which `npm test` installs where it can.
  const it_ = it.skipIf(isAbsent(by));

  it_("is what was packed, at every level and in chunks of any size", async () => {
    for (const plain of SAMPLES) {
      for (const level of [0, 1, 6, 9]) {
        const packed = gzipSync(plain, { level });
        for (const size of [1, 4097, 1 << 20]) {
          if (size === 1 && packed.length > 10_000) continue;
          expect((await unpack("gzip", packed, size, inflating)).equals(plain)).toBe(true);
        }
      }
    }
  });

  it_("may have many members, also empty ones, wherever chunks end", async () => {
    const members = Array.from({ length: 50 }, (_, i) => gzipSync(noise(i).subarray(0, i * 50)));
    const expected = Array.from({ length: 50 }, (_, i) => noise(i).subarray(0, i * 50));
    for (const size of [7, 1000, 1 << 20]) {
      const found = await unpack("gzip", Buffer.concat(members), size, inflating);
      expect(found.equals(Buffer.concat(expected))).toBe(true);
    }
  });

  it_("fills whole buffers exactly", async () => {
    for (const bytes of [512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, 1 << 20]) {
      const plain = Buffer.alloc(bytes, "nacre");
      const found = await unpack("gzip", gzipSync(plain), 1 << 20, inflating);
      expect(found.equals(plain)).toBe(true);
    }
  });

  it_("is refused as corrupt when a byte is wrong or missing, or more follow", async () => {
    const plain = Buffer.concat([noise(3), text.subarray(0, 100_000)]);
    const packed = gzipSync(plain);
    const cut = [0, 5, 15, 500, packed.length - 5, packed.length - 1];
    for (const size of cut) {
      await expect(unpack("gzip", packed.subarray(0, size), 100, inflating)).rejects.toEqual(
        corrupt,
      );
    }
    // Its checksum and its length, the method, the magic number.
    for (const at of [packed.length - 8, packed.length - 4, 2, 0]) {
      const damaged = Buffer.from(packed);
      damaged[at]! ^= 0x20;
      await expect(unpack("gzip", damaged, 1000, inflating)).rejects.toEqual(corrupt);
    }
    const followed = Buffer.concat([packed, Buffer.alloc(100_000, "x")]);
    await expect(unpack("gzip", followed, 1000, inflating)).rejects.toEqual(corrupt);
  });

  it_("reads several layers at once into buffers that are used again", async () => {
    const layers = Array.from({ length: 6 }, (_, i) => Buffer.concat([noise(i), text, noise(-i)]));
    const found = await Promise.all(
      layers.map((layer) => unpack("gzip", gzipSync(layer), 9999, inflating)),
    );
    for (const [i, layer] of layers.entries()) expect(found[i]?.equals(layer)).toBe(true);
  });
});
