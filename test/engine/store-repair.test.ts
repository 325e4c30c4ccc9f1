import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { sha256 } from "@nacre/plugin-registry/content.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { contentOf, type Machine, machine, sampleImage } from "./pull-machine.ts";

const image = sampleImage();

async function holding(): Promise<Machine> {
  await using registry = await serveRegistry(contentOf({ "1": image }));
  const here = machine();
  const { reference } = await here.images.pull(`${registry.address}/team/app:1`);
  here.images.tag(reference, "app:1");
  await here.images.remove(reference);
  await here.images.settled();
  return here;
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
}

const [diffId] = image.diffIds as [string];
const { digest } = image.layers[0]!;

describe("a store that is checked and repaired", () => {
  it("is as it should be after a pull", async () => {
    await using here = await holding();
    expect(await here.check()).toEqual({ found: [], left: [] });
  });

  it.each<[string, (here: Machine) => void]>([
    ["a damaged tar", (here) => flip(here.paths.layerTar(diffId))],
    ["a tar that is cut", (here) => truncateSync(here.paths.layerTar(diffId), 1000)],
    ["a tar that is gone", (here) => rmSync(here.paths.layerTar(diffId))],
    ["an index that is gone", (here) => rmSync(here.paths.layerIndex(diffId))],
    ["a root that is gone", (here) => here.snapshotter.committed.clear()],
    ["a damaged blob, which gzip makes again", (here) => flip(here.paths.blob(digest))],
    ["a blob that is gone", (here) => rmSync(here.paths.blob(digest))],
    ["a stray blob", (here) => writeFileSync(here.paths.blob(`sha256:${"0".repeat(64)}`), "x")],
    [
      "a stray layer",
      (here) => writeFileSync(here.paths.layerTar(`sha256:${"0".repeat(64)}`), "x"),
    ],
    [
      "a tag of no image",
      ({ state }) =>
        state.write((t) =>
          t.put("tag", "docker.io/x/y:1", {
            ...{ reference: "docker.io/x/y:1", imageId: "sha256:gone", digest: "sha256:gone" },
            updatedMs: 0,
          }),
        ),
    ],
  ])("mends %s", async (_, damage) => {
    await using here = await holding();
    const before = here.files();
    damage(here);
    const found = await here.check();
    if (!/root/.test(_)) expect(found.found.length).toBeGreaterThan(0);
    expect(found.left).toEqual(found.found);
    expect((await here.check({ repair: true })).left).toEqual([]);
    expect(here.files()).toEqual(before);
    await here.images.ready(here.images.get("app:1").image);
    expect(await here.check()).toEqual({ found: [], left: [] });
  });

  it.each([
    ["is gone", (path: string) => rmSync(path)],
    ["is damaged", flip],
  ])("writes the document of an index anew that %s", async (_, damage) => {
    await using here = await holding();
    const { digest } = await here.indexes.create("list", ["app:1"], { annotations: { a: "b" } });
    const before = here.files();
    damage(here.paths.blob(digest));
    expect((await here.check()).found.map(({ severity }) => severity)).toContain("damage");
    expect((await here.check({ repair: true })).left).toEqual([]);
    expect(here.files()).toEqual(before);
    const { bytes } = await here.indexes.inspect("list");
    expect(sha256(bytes)).toBe(digest);
  });

  it("says what must be fetched again, and then it is", async () => {
    await using here = await holding();
    rmSync(here.paths.layerTar(diffId));
    rmSync(here.paths.blob(digest));
    const { left } = await here.check({ repair: true });
    expect(left.map(({ severity }) => severity)).toContain("damage");
    await expect(here.images.ready(here.images.get("app:1").image)).rejects.toMatchObject({
      kind: "corrupt",
    });
    await using registry = await serveRegistry(contentOf({ "1": image }));
    await here.images.pull(`${registry.address}/team/app:1`);
    expect((await here.check()).found).toEqual([]);
  });
});

describe("pruning images", () => {
  it("chooses by name, age and label", async () => {
    await using here = await holding();
    const { prune } = here.sharing;
    const created = Date.parse("2024-01-01T00:00:00Z");
    expect((await prune()).deleted).toEqual([]);
    expect((await prune({ all: true, untilMs: created })).deleted).toEqual([]);
    expect((await prune({ all: true, filters: { label: ["a"] } })).deleted).toEqual([]);
    await expect(prune({ filters: { nope: ["x"] } })).rejects.toMatchObject({ kind: "invalid" });
    const pruned = await prune({ filters: { dangling: ["false"], "label!": ["a"] } });
    expect(pruned.untagged).toEqual(["docker.io/library/app:1"]);
    expect(pruned.deleted).toEqual([image.id, ...image.diffIds]);
    expect(pruned.reclaimedBytes).toBeGreaterThan(600_000);
    expect(Object.keys(here.files())).toEqual([]);
  });
});
