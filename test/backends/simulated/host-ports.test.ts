import { gunzipSync, gzipSync } from "node:zlib";
import type { Codec } from "@nacre/core/ports/codec.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedCodec } from "@nacre/simulated/codec.ts";
import { SimulatedFetch } from "@nacre/simulated/fetch.ts";
import { SimulatedFiles } from "@nacre/simulated/files.ts";
import { SimulatedRandom } from "@nacre/simulated/random.ts";
import { describe, expect, it } from "vitest";
import { wasmCore } from "../../core/wasm-core.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("simulated time", () => {
  it("stands still until it is moved, and wakes each sleeper at its own time", async () => {
    const clock = new SimulatedClock(1000);
    const woken: [number, number][] = [];
    const loop = (async () => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(10);
        woken.push([i, clock.nowMs()]);
      }
    })();
    await clock.advance(9);
    expect(woken).toEqual([]);
    await clock.advance(100);
    await loop;
    expect(woken).toEqual([
      [0, 1010],
      [1, 1020],
      [2, 1030],
    ]);
    expect(clock.sleeping).toBe(0);
    expect(clock.nowMs()).toBe(1109);
  });
});

describe("simulated randomness", () => {
  it("repeats with its seed and differs without", () => {
    const take = (seed: number) => [...new SimulatedRandom(seed).bytes(64)];
    expect(take(7)).toEqual(take(7));
    expect(take(7)).not.toEqual(take(8));
    expect(new Set(take(0)).size).toBeGreaterThan(30);
  });
});

describe("the simulated codec", () => {
  const codec: Codec = new SimulatedCodec(wasmCore());
  const text = "layer ".repeat(10_000);

  it("hashes as everybody does", () => {
    const hasher = codec.hasher("sha256");
    hasher.update(bytesOf("a"));
    hasher.update(bytesOf("bc"));
    expect(hasher.digest()).toBe(
      "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });

  it("keeps two hashers apart", () => {
    const [one, two] = [codec.hasher("sha256"), codec.hasher("sha256")];
    one.update(bytesOf("a"));
    two.update(bytesOf("b"));
    const alone = codec.hasher("sha256");
    alone.update(bytesOf("a"));
    expect(one.digest()).toBe(alone.digest());
    expect(two.digest()).not.toBe(alone.digest());
  });

  it("decompresses gzip in chunks of any size", async () => {
    for (const size of [1 << 20, 7]) {
      expect(await collect(codec.decompress("gzip", chunked(gzipSync(text), size)))).toBe(text);
    }
    expect(await collect(codec.decompress("none", chunked(bytesOf(text), 100)))).toBe(text);
  });

  it("makes gzip that others read, of nothing and of more than a block", async () => {
    for (const whole of ["", text, text.repeat(2 + 0x10000 / text.length)]) {
      const parts: Uint8Array[] = [];
      for await (const part of codec.compress(chunked(bytesOf(whole), 70_000))) parts.push(part);
      expect(gunzipSync(Buffer.concat(parts)).toString()).toBe(whole);
    }
  });

  it("says corrupt of what is no gzip, and of one that is cut off", async () => {
    const whole = gzipSync(text);
    for (const wrong of [bytesOf("no gzip"), whole.subarray(0, whole.length - 9)]) {
      await expect(collect(codec.decompress("gzip", chunked(wrong, 50)))).rejects.toMatchObject({
        kind: "corrupt",
      });
    }
  });

  it("hands on the reason of a source that breaks", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield gzipSync(text).subarray(0, 20);
      throw new RangeError("line cut");
    }
    await expect(collect(codec.decompress("gzip", broken()))).rejects.toThrow(RangeError);
  });
});

describe("the simulated network", () => {
  const network = new SimulatedFetch({
    "https://registry.test": ({ method }, url) => ({
      status: 201,
      headers: { "Content-Type": "text/plain" },
      body: `${method} ${url.pathname}`,
    }),
    "https://endless.test": async () => ({ body: chunked(new Uint8Array(1 << 20), 1000) }),
  });
  const get = (url: string, signal?: AbortSignal) =>
    network.fetch({ method: "GET", url, headers: {}, ...(signal && { signal }) });

  it("answers with the host's function, header names in lower case", async () => {
    const response = await get("https://registry.test/v2/");
    expect(response).toMatchObject({ status: 201, headers: { "content-type": "text/plain" } });
    expect(await response.text(100)).toBe("GET /v2/");
  });

  it("reaches nobody else", async () => {
    await expect(get("http://registry.test/")).rejects.toMatchObject({ kind: "unreachable" });
  });

  it("limits texts, cancels bodies, and stops when the signal aborts", async () => {
    await expect((await get("https://endless.test/")).text(5000)).rejects.toMatchObject({
      kind: "invalid",
    });
    await (await get("https://endless.test/")).cancel();
    const controller = new AbortController();
    const { body } = await get("https://endless.test/", controller.signal);
    const reading = (async () => {
      for await (const _ of body) controller.abort();
    })();
    await expect(reading).rejects.toMatchObject({ kind: "interrupted" });
    await expect(get("https://registry.test/", controller.signal)).rejects.toMatchObject({
      kind: "interrupted",
    });
  });
});

describe("faults of the simulated disk", () => {
  const fresh = () => {
    const files = new SimulatedFiles(new SimulatedClock(), { capacityBytes: 100 });
    files.makeDirectory("/root");
    return files;
  };

  it("strike the n-th change, once, and leave it undone", () => {
    const files = fresh();
    files.replace("/root/a", "1");
    files.failAt = 2;
    files.failWith = "EACCES";
    files.replace("/root/a", "2");
    expect(() => files.replace("/root/a", "3")).toThrow(
      expect.objectContaining({ kind: "denied", errno: "EACCES" }),
    );
    expect(files.readText("/root/a")).toBe("2");
    files.replace("/root/a", "4");
    expect(files.readText("/root/a")).toBe("4");
  });

  it("fill the disk, and removing makes room", async () => {
    const files = fresh();
    files.replace("/root/a", "x".repeat(60));
    expect(files.freeBytes("/root")).toBe(40);
    const writer = await files.create("/root/b");
    await expect(writer.write(new Uint8Array(41))).rejects.toMatchObject({ kind: "no-space" });
    await writer.discard();
    await files.removeTree("/root/a");
    expect(files.freeBytes("/root")).toBe(100);
  });

  it("leave a crashed writer's bytes to the next one", async () => {
    const files = fresh();
    const first = await files.create("/root/a", { resume: true });
    await first.write(bytesOf("he"));
    expect((await files.create("/root/a", { resume: true })).sizeBytes).toBe(0);
    files.crash();
    const second = await files.create("/root/a", { resume: true });
    expect(second.sizeBytes).toBe(2);
    await second.commit();
    expect(files.readText("/root/a")).toBe("he");
    expect(files.sweep("/root", { partials: true })).toHaveLength(1);
  });
});
