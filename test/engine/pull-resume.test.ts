import type { Fault } from "@nacre/plugin-registry/faults.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { contentOf, machine, sampleImage } from "./pull-machine.ts";

/** Large enough that its blob comes in many chunks. */
const image = sampleImage({ sizeBytes: 3_000_000 });
const bottom = image.layers[0]!;
const hex = bottom.digest.slice(7);
const onBottom = (fault: object): Fault => ({ on: "blob", of: bottom.digest, ...fault }) as Fault;

describe("a broken connection", () => {
  it("is taken up again with Range, within one pull", async () => {
    await using registry = await serveRegistry(contentOf({ "1": image }), {
      faults: [onBottom({ do: "drop", afterBytes: 1_000_000, times: 2 })],
    });
    await using here = machine();
    const pulled = await here.images.pull(`${registry.address}/team/app:1`);
    expect(pulled.image.id).toBe(image.id);
    const ranges = registry.requests
      .filter(({ path }) => path.endsWith(hex))
      .map(({ range, status }) => [range?.match(/\d+/)?.[0], status]);
    expect(ranges.map(([, status]) => status)).toEqual([200, 206, 206]);
    expect(Number(ranges[1]?.[0])).toBeGreaterThan(900_000);
    expect(Number(ranges[2]?.[0])).toBeGreaterThan(1_900_000);
  });

  it("is survived where the server ignores Range, refuses it, or answers with another", async () => {
    for (const kind of ["no-range", "refuse-range"]) {
      await using registry = await serveRegistry(contentOf({ "1": image }), {
        faults: [onBottom({ do: "drop", afterBytes: 1_500_000, times: 1 }), onBottom({ do: kind })],
      });
      await using here = machine();
      const pulled = await here.images.pull(`${registry.address}/team/app:1`);
      expect(pulled.image.id).toBe(image.id);
    }
    await using registry = await serveRegistry(contentOf({ "1": image }), {
      faults: [
        onBottom({ do: "drop", afterBytes: 1_500_000, times: 1 }),
        onBottom({ do: "wrong-range" }),
      ],
    });
    await using here = machine();
    const pull = here.images.pull(`${registry.address}/team/app:1`);
    await expect(pull).rejects.toMatchObject({
      kind: "corrupt",
      message: expect.stringMatching(/another range/),
    });
    expect(here.files()).toEqual({});
  });

  it("that breaks again and again ends the pull, and the next one goes on where it ended", async () => {
    const content = contentOf({ "1": image });
    await using registry = await serveRegistry(content, {
      faults: [
        onBottom({ do: "drop", afterBytes: 700_000, times: 1 }),
        onBottom({ do: "drop", afterBytes: 100, times: 4 }),
      ],
    });
    await using here = machine();
    const reference = `${registry.address}/team/app:1`;
    const error = await here.images.pull(reference).then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toMatchObject({ kind: "unreachable" });
    expect(error.message).toMatch(/broke again and again, after \d+ of \d+ bytes/);
    expect(error.advice).toMatch(/run the same command again/);
    const partial = here.files()[`blobs/sha256/${hex}.partial`];
    expect(partial).toBeGreaterThan(500_000);
    expect(Object.keys(here.files()).filter((name) => /tmp|idx$/.test(name))).toHaveLength(
      Object.keys(here.files()).filter((name) => name.endsWith(".idx")).length,
    );
    const asked = registry.requests.length;
    const pulled = await here.images.pull(reference);
    expect(pulled.image.id).toBe(image.id);
    const later = registry.requests.slice(asked).filter(({ path }) => path.endsWith(hex));
    expect(later.map(({ range }) => range)).toEqual([`bytes=${partial}-`]);
    expect(Object.keys(here.files()).some((name) => name.includes("partial"))).toBe(false);
  });

  it("can be taken up by another process, and what it left torn is found out", async () => {
    const content = contentOf({ "1": image });
    await using registry = await serveRegistry(content, {
      faults: [
        onBottom({ do: "drop", afterBytes: 900_000, times: 1 }),
        onBottom({ do: "drop", afterBytes: 100, times: 4 }),
      ],
    });
    await using first = machine();
    const reference = `${registry.address}/team/app:1`;
    await expect(first.images.pull(reference)).rejects.toMatchObject({ kind: "unreachable" });
    const { open } = await import("node:fs/promises");
    const file = await open(`${first.root}/blobs/sha256/${hex}.partial`, "r+");
    await file.write(Buffer.alloc(16, 0xee), 0, 16, 5000);
    await file.close();
    await using second = machine({ root: first.root, snapshotter: first.snapshotter });
    const pulled = await second.images.pull(reference);
    expect(pulled.image.id).toBe(image.id);
    expect(second.images.get(image.id).image.id).toBe(image.id);
  });
});

describe("an interrupted pull", () => {
  it("stops at once, keeps its part, and leaves no intent", async () => {
    const stop = new AbortController();
    const held = Promise.withResolvers<void>();
    await using registry = await serveRegistry(contentOf({ "1": image }), {
      faults: [onBottom({ do: "wait", until: held.promise })],
    });
    await using here = machine();
    const pull = here.images.pull(`${registry.address}/team/app:1`, { signal: stop.signal });
    const outcome = pull.then(
      () => undefined,
      (reason) => reason,
    );
    while (!here.events.some((e) => e.type === "layer" && e.digest === bottom.digest)) {
      await here.clock.sleep(1);
    }
    await here.clock.sleep(1);
    stop.abort();
    expect(await outcome).toMatchObject({ kind: "interrupted" });
    held.resolve();
    expect(here.state.read((t) => t.list("intent"))).toEqual([]);
    expect(here.state.read((t) => t.list("image"))).toEqual([]);
    expect(Object.keys(here.files()).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});
