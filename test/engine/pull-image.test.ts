import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { contentOf, machine, sampleImage } from "./pull-machine.ts";

describe("pulling an image", () => {
  it("stores blobs, tars, indexes and accounts, and reports the registry's digest", async () => {
    const image = sampleImage();
    await using registry = await serveRegistry(contentOf({ "1": image }));
    await using here = machine();
    const pulled = await here.images.pull(`${registry.address}/team/app:1`);
    expect(pulled.digest).toBe(image.manifestDescriptor.digest);
    expect(pulled.changed).toBe(true);
    expect(pulled.image.id).toBe(image.id);
    expect(pulled.image.passwd).toContain("ada:x:1000");
    expect(pulled.image.group).toBe("ada:x:1000:\n");
    const hex = (digest: string) => digest.slice(7);
    const expected = [
      ...[...image.blobs.keys()].map((digest) => `blobs/sha256/${hex(digest)}`),
      ...image.diffIds.flatMap((id) => [`layers/${hex(id)}.tar`, `layers/${hex(id)}.idx`]),
    ];
    expect(Object.keys(here.files()).sort()).toEqual(expected.sort());
    expect(here.snapshotter.commits).toBe(1);
    expect(here.state.read((t) => t.list("intent"))).toEqual([]);
  });
});
