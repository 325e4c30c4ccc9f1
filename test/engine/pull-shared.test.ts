import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { buildImage, buildIndex } from "@nacre/plugin-registry/image-builder.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { AMD64, contentOf, machine, noise, sampleImage } from "./pull-machine.ts";

const image = sampleImage();
const own = tar([{ name: "app", content: noise(5000, 9) }]);
const base = tar([{ name: "base", content: noise(50_000, 4) }]);
const first = buildImage({ layers: [{ tar: base }], platform: AMD64 });
const second = buildImage({ layers: [{ tar: base }, { tar: own }], platform: AMD64 });
const blobsAsked = (requests: readonly { readonly path: string }[]) =>
  requests.flatMap(({ path }) => /blobs\/(.*)$/.exec(path)?.[1] ?? []);

describe("layers on this machine", () => {
  it("serve every image: what is here is not fetched again", async () => {
    await using registry = await serveRegistry(contentOf({ "1": first, "2": second }));
    await using here = machine();
    await here.images.pull(`${registry.address}/team/app:1`);
    const asked = registry.requests.length;
    await here.images.pull(`${registry.address}/team/app:2`);
    const later = blobsAsked(registry.requests.slice(asked));
    expect(later.sort()).toEqual([second.id, second.layers[1]!.digest].sort());
    const phases = here.events.flatMap((e) =>
      e.type === "layer" && e.digest === first.layers[0]!.digest ? [e.phase] : [],
    );
    expect(phases).toContain("complete");
    expect(phases.at(-1)).toBe("exists");
  });

  it("are not fetched at all for a tag that has not moved", async () => {
    await using registry = await serveRegistry(contentOf({ "1": image }));
    await using here = machine();
    const reference = `${registry.address}/team/app:1`;
    const before = await here.images.pull(reference);
    const asked = registry.requests.length;
    const again = await here.images.pull(reference);
    expect(again.changed).toBe(false);
    expect(again.image).toEqual(before.image);
    expect(blobsAsked(registry.requests.slice(asked))).toEqual([]);
    expect(here.snapshotter.commits).toBe(1);
  });

  it("that occur twice in an image are stored once", async () => {
    const twice = buildImage({
      layers: [{ tar: base }, { tar: own }, { tar: base }],
      platform: AMD64,
    });
    await using registry = await serveRegistry(contentOf({ "1": twice }));
    await using here = machine();
    const { image: pulled } = await here.images.pull(`${registry.address}/team/app:1`);
    expect(pulled.layers).toHaveLength(3);
    expect(pulled.chainIds).toHaveLength(3);
    expect(blobsAsked(registry.requests)).toHaveLength(3);
  });

  it("come in gzip, in zstd and plain, by OCI and by schema 2, and give one and the same tar", async () => {
    const variants = {
      zstd: buildImage({ layers: [{ tar: base, compression: "zstd" }], platform: AMD64 }),
      plain: buildImage({ layers: [{ tar: base, compression: "none" }], platform: AMD64 }),
      docker: buildImage({ layers: [{ tar: base }], platform: AMD64, schema2: true }),
    };
    await using registry = await serveRegistry(contentOf(variants));
    for (const tag of Object.keys(variants)) {
      await using here = machine();
      const { image: pulled } = await here.images.pull(`${registry.address}/team/app:${tag}`);
      expect(pulled.config.rootfs.diff_ids).toEqual(first.diffIds);
      const path = here.paths.layerTar(first.diffIds[0]!);
      expect(statSync(path).size).toBe(base.length);
    }
  });

  it("are chosen from an index by platform, whose digest is the one reported", async () => {
    const arm = { os: "linux", architecture: "arm64", variant: "v8" };
    const other = buildImage({ layers: [{ tar: own }], platform: arm });
    const index = buildIndex([
      { image: other, platform: arm },
      { image: first, platform: AMD64 },
    ]);
    const content = contentOf({ "1": first, arm: other });
    const digest = content.addManifest("team/app", "both", index);
    await using registry = await serveRegistry(content);
    await using here = machine();
    const reference = `${registry.address}/team/app:both`;
    const pulled = await here.images.pull(reference);
    expect(pulled).toMatchObject({ digest, image: { id: first.id } });
    expect(pulled.image.manifestDigest).toBe(first.manifestDescriptor.digest);
    const onArm = await here.images.pull(reference, { platform: "linux/arm64" });
    expect(onArm.image.id).toBe(other.id);
    const byDigest = await here.images.pull(`${registry.address}/team/app@${digest}`);
    expect(byDigest.image.id).toBe(first.id);
  });
});

describe("pulls at the same time", () => {
  it("of one image in one process share each layer", async () => {
    await using registry = await serveRegistry(contentOf({ "1": image, "2": image }));
    await using here = machine();
    const pulls = ["1", "2", "1", "2"].map((tag) =>
      here.images.pull(`${registry.address}/team/app:${tag}`),
    );
    const all = await Promise.all(pulls);
    expect(new Set(all.map((pulled) => pulled.image.id))).toEqual(new Set([image.id]));
    const layers = blobsAsked(registry.requests).filter((d) => d !== image.id);
    expect(layers).toHaveLength(2);
  });

  it("of one image by several processes all succeed and leave nothing besides", async () => {
    await using registry = await serveRegistry(contentOf({ "1": image }));
    await using here = machine();
    const { root, snapshotter } = here;
    await using two = machine({ root, snapshotter });
    await using three = machine({ root, snapshotter });
    const reference = `${registry.address}/team/app:1`;
    const all = await Promise.all([here, two, three].map((m) => m.images.pull(reference)));
    expect(all.every((pulled) => pulled.image.id === image.id)).toBe(true);
    const names = Object.keys(here.files());
    expect(names.filter((name) => /tmp|partial/.test(name))).toEqual([]);
    expect(names).toHaveLength(image.blobs.size + 2 * image.layers.length);
  });

  it("survive a removal of the image they are about to record", async () => {
    const gate = Promise.withResolvers<void>();
    await using registry = await serveRegistry(contentOf({ "1": first, "2": second }), {
      faults: [{ on: "blob", of: second.layers[1]!.digest, do: "wait", until: gate.promise }],
    });
    await using here = machine();
    await here.images.pull(`${registry.address}/team/app:1`);
    const pull = here.images.pull(`${registry.address}/team/app:2`);
    const shared = first.layers[0]!.digest;
    while (
      !here.events.some((e) => e.type === "layer" && e.digest === shared && e.phase === "exists")
    )
      await here.clock.sleep(1);
    await here.images.remove(`${registry.address}/team/app:1`);
    gate.resolve();
    const { image: pulled } = await pull;
    expect(pulled.id).toBe(second.id);
    for (const diffId of second.diffIds) {
      expect(statSync(here.paths.layerTar(diffId)).isFile()).toBe(true);
    }
  });
});

describe("after the machine went down", () => {
  it("what was flushed is trusted, what was not is verified, what is torn is fetched again", async () => {
    await using registry = await serveRegistry(contentOf({ "1": image }));
    await using before = machine({ bootId: "first boot" });
    const reference = `${registry.address}/team/app:1`;
    const { image: pulled } = await before.images.pull(reference);
    await before.images.settled();
    const durable = () => before.state.read((t) => t.list("layer").map((layer) => layer.durable));
    expect(durable()).toEqual([true, true]);

    const undurable = () =>
      before.state.write((t) => {
        for (const layer of t.list("layer"))
          t.put("layer", layer.diffId, { ...layer, durable: false });
        for (const blob of t.list("blob")) t.put("blob", blob.digest, { ...blob, durable: false });
      });
    const [bottomId, topId] = image.diffIds as [string, string];
    undurable();
    const { root, snapshotter } = before;
    await using whole = machine({ root, snapshotter, bootId: "second boot" });
    await whole.images.ready(pulled);

    undurable();
    const bytes = readFileSync(before.paths.layerTar(bottomId));
    writeFileSync(before.paths.layerTar(bottomId), bytes.fill(0, 4096, 8192));
    rmSync(before.paths.layerTar(topId));
    writeFileSync(before.paths.blob(image.layers[0]!.digest), "torn");
    await using torn = machine({ root, snapshotter, bootId: "third boot" });
    await expect(torn.images.ready(pulled)).rejects.toMatchObject({ kind: "corrupt" });
    const asked = registry.requests.length;
    await torn.images.pull(reference);
    await torn.images.ready(pulled);
    // The second layer's blob was whole: its tar is made from it again.
    expect(blobsAsked(registry.requests.slice(asked))).toEqual([image.layers[0]!.digest]);
  });
});
