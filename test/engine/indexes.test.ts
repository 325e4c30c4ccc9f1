import { type Index, MEDIA } from "@nacre/core/oci/image.ts";
import { sha256 } from "@nacre/plugin-registry/content.ts";
import { type BuiltImage, buildIndex } from "@nacre/plugin-registry/image-builder.ts";
import { describe, expect, it } from "vitest";
import { dockerArchive } from "./docker-archive.ts";
import { AMD64, type Machine, machine, sampleImage } from "./pull-machine.ts";
import { type PushRegistry, pushRegistry } from "./push-registry.ts";

const ARM = { os: "linux", architecture: "arm", variant: "v7" };
const amd = sampleImage({ sizeBytes: 20_000 });
const arm = sampleImage({ sizeBytes: 20_000, seed: 2, platform: ARM });

/** A registry with both images under tags of their own, and an index of both. */
async function registryWith(): Promise<PushRegistry & { readonly name: (path: string) => string }> {
  const registry = await pushRegistry();
  const { repositories } = registry;
  for (const [tag, image] of [["amd", amd] as const, ["arm", arm] as const]) {
    for (const [digest, bytes] of image.blobs) repositories.blobs.set(digest, bytes);
    const { digest, mediaType } = image.manifestDescriptor;
    for (const reference of [tag, digest]) {
      repositories.hold("team/app", reference, mediaType, image.manifest);
    }
  }
  const both = buildIndex([
    { image: amd, platform: AMD64 },
    { image: arm, platform: ARM },
  ]);
  repositories.hold("team/app", "both", MEDIA.ociIndex, both);
  return { ...registry, name: (path) => `${registry.address}/${path}` };
}

const idOf = ({ images }: Machine, name: string, platform?: string) =>
  images.get(name, platform).image.id;
const given = async (registry: PushRegistry, repository: string, reference: string) => {
  const found = await registry.repositories.manifest(repository, reference);
  return JSON.parse(Buffer.from(found!.bytes).toString()) as Index;
};

describe("an index that is made here", () => {
  it("of images that are here is found by its name, and pushed with all that it names", async () => {
    await using registry = await registryWith();
    await using here = machine();
    for (const [tag, platform] of [
      ["amd", "amd64"],
      ["arm", "linux/arm/v7"],
    ] as const) {
      await here.images.pull(registry.name(`team/app:${tag}`), { platform });
    }
    const name = registry.name("own/list:1");
    const images = ["amd", "arm"].map((tag) => registry.name(`team/app:${tag}`));
    const made = await here.indexes.create(name, images);
    expect(made.entries.map(({ digest, platform }) => [digest, platform])).toEqual([
      [amd.manifestDescriptor.digest, AMD64],
      [arm.manifestDescriptor.digest, ARM],
    ]);
    expect(idOf(here, name)).toBe(amd.id);
    expect(idOf(here, name, "linux/arm/v7")).toBe(arm.id);
    const { digest, reference } = await here.indexes.push(name);
    expect([digest, reference]).toEqual([made.digest, name]);
    expect(await given(registry, "own/list", "1")).toMatchObject({
      manifests: made.entries.map(({ digest }) => ({ digest })),
    });
    expect(await given(registry, "own/list", arm.manifestDescriptor.digest)).toMatchObject({
      config: { digest: arm.id },
    });
    await using there = machine();
    expect((await there.images.pull(name, { platform: "arm" })).image.id).toBe(arm.id);
    await using loading = machine();
    await loading.sharing.load(here.sharing.save([name]));
    expect(idOf(loading, name, "arm")).toBe(arm.id);
    expect((await here.check()).found).toEqual([]);
  });

  it("keeps what it names when the images go, and runs it from there", async () => {
    await using registry = await registryWith();
    await using here = machine();
    const image = registry.name("team/app:amd");
    await here.images.pull(image);
    const { reference } = await here.indexes.create("list", [image]);
    await here.images.remove(amd.id, { force: true });
    expect(here.images.list()).toEqual([]);
    await here.images.sweep();
    expect((await here.check()).found).toEqual([]);
    expect(() => here.images.get("list")).toThrow(/No such image/);
    expect((await here.images.pull("list")).image.id).toBe(amd.id);
    expect(idOf(here, "list")).toBe(amd.id);
    expect(here.images.list()[0]!.references.map((one) => one.reference)).toEqual([reference]);
    expect((await here.check()).found).toEqual([]);
    await here.indexes.remove("list");
    await here.images.remove(amd.id);
    expect(here.files()).toEqual({});
  });

  it("of images in a registry fetches none of them, mounts their blobs, and pulls what is run", async () => {
    await using registry = await registryWith();
    await using here = machine();
    const name = registry.name("own/list:1");
    const { entries } = await here.indexes.create(name, [
      `docker://${registry.name("team/app:amd")}`,
      registry.name("team/app:arm"),
    ]);
    expect(entries.map(({ platform, source }) => [platform, source])).toEqual([
      [AMD64, registry.name("team/app")],
      [ARM, registry.name("team/app")],
    ]);
    expect(Object.keys(here.files())).toHaveLength(1);
    registry.requests.length = 0;
    await here.indexes.push(name);
    expect(registry.requests.filter((line) => line.startsWith("PATCH"))).toEqual([]);
    expect(await given(registry, "own/list", "1")).toMatchObject({ manifests: { length: 2 } });
    expect((await here.images.pull(name, { platform: "linux/arm/v7" })).image.id).toBe(arm.id);
    expect(idOf(here, name)).toBe(arm.id);
    expect(here.images.list()[0]!.references).toHaveLength(1);
    await expect(here.images.pull(name, { platform: "s390x" })).rejects.toMatchObject({
      kind: "not-found",
    });
    expect((await here.check()).found).toEqual([]);
  });

  it("goes to another registry through this machine, what is missing there", async () => {
    await using registry = await registryWith();
    await using other = await pushRegistry();
    await using here = machine();
    await here.indexes.create("list", [registry.name("team/app:both")], { all: true });
    const target = `${other.address}/their/list:2`;
    for (const [digest, bytes] of amd.blobs) other.repositories.blobs.set(digest, bytes);
    const { digest } = await here.indexes.push("list", { target, purge: true });
    const sent = other.requests.filter(
      (line) => line.startsWith("PUT") && line.includes("uploads"),
    );
    const missing = [...arm.blobs.keys()].filter((one) => !amd.blobs.has(one));
    // All but its manifest, which is no blob there.
    expect(sent).toHaveLength(missing.length - 1);
    await expect(here.indexes.get("list")).rejects.toMatchObject({ kind: "not-found" });
    expect(here.files()).toEqual({});
    await using there = machine();
    expect(await there.images.pull(target)).toMatchObject({ digest, image: { id: amd.id } });
  });

  it("is changed, entry by entry, and says so in its document", async () => {
    await using registry = await registryWith();
    await using here = machine();
    const app = registry.name("team/app:both");
    await here.indexes.create("list", [], { annotations: { by: "ada" } });
    await here.indexes.add("list", app, { platform: { os: "linux", architecture: "arm" } });
    const added = await here.indexes.add("list", app, {
      ...{ annotations: { note: "x" }, platform: { "os.version": "1.0", features: ["a"] } },
    });
    await here.indexes.annotate("list", registry.name("team/app:amd"), {
      platform: { variant: "v2", "os.features": ["b"] },
    });
    await here.indexes.annotate("list", undefined, { annotations: { for: "all" } });
    const { bytes, mediaType, children } = await here.indexes.inspect("list", { children: true });
    expect(mediaType).toBe(MEDIA.ociIndex);
    const document = JSON.parse(Buffer.from(bytes).toString());
    expect(document).toMatchObject({ annotations: { by: "ada", for: "all" } });
    expect(document.manifests).toEqual([
      { ...arm.manifestDescriptor, platform: ARM },
      {
        ...{ ...amd.manifestDescriptor, annotations: { note: "x" } },
        platform: {
          ...{ ...AMD64, variant: "v2" },
          ...{ "os.version": "1.0", "os.features": ["b"], features: ["a"] },
        },
      },
    ]);
    expect(children.map(({ digest }) => digest)).toEqual(added.entries.map(({ digest }) => digest));
    await here.indexes.takeOut("list", arm.manifestDescriptor.digest);
    expect((await here.indexes.get("list")).entries).toHaveLength(1);
    const refused = here.indexes.takeOut("list", arm.manifestDescriptor.digest);
    await expect(refused).rejects.toMatchObject({ kind: "not-found" });
    expect(Object.keys(here.files())).toHaveLength(1);
    await here.images.sweep();
    expect((await here.check()).found).toEqual([]);
  });

  it("of an image that was made here has its layers compressed, as a push would", async () => {
    await using here = machine();
    await using registry = await registryWith();
    const plain = sampleImage({ sizeBytes: 5000 });
    const { loaded } = await loadedBare(here, plain);
    const { entries } = await here.indexes.create(registry.name("own/list:1"), ["bare:1"]);
    expect(entries[0]!.digest).not.toBe(loaded);
    await here.indexes.push(registry.name("own/list:1"));
    await using there = machine();
    expect((await there.images.pull(registry.name("own/list:1"))).image.id).toBe(plain.id);
    await here.images.sweep();
    expect((await here.check()).found).toEqual([]);
    await here.images.remove("bare:1");
    await here.images.sweep();
    expect((await here.check()).found).toEqual([]);
    expect((await here.images.pull(registry.name("own/list:1"))).image.id).toBe(plain.id);
  });

  it("refuses names that are taken, and looks at registries for others", async () => {
    await using registry = await registryWith();
    await using here = machine();
    const app = registry.name("team/app:amd");
    await here.images.pull(app);
    await expect(here.indexes.create(app, [])).rejects.toMatchObject({ kind: "exists" });
    await here.indexes.create("list", []);
    await expect(here.indexes.create("list", [])).rejects.toMatchObject({ kind: "exists" });
    const amended = await here.indexes.create("list", [app, app], { amend: true });
    expect(amended.entries).toHaveLength(1);
    const missing = here.indexes.create("other", [registry.name("nobody/app")]);
    await expect(missing).rejects.toMatchObject({ kind: "not-found" });
    await expect(here.indexes.create("other", ["containers-storage:nobody"])).rejects.toThrow(
      /No such image/,
    );
    const both = registry.name("team/app:both");
    const found = await here.indexes.inspect(both, { children: true });
    expect(found.digest).toBe(sha256(found.bytes));
    expect(found.children.map(({ platform }) => platform)).toEqual([AMD64, ARM]);
    expect(await here.indexes.list()).toHaveLength(1);
    here.images.tag(app, "list");
    await here.images.remove("list");
    expect(await here.indexes.list()).toHaveLength(1);
    await here.indexes.remove("list");
    await here.indexes.create("list", [app]);
    await here.images.remove("list");
    expect(await here.indexes.list()).toEqual([]);
    expect((await here.check()).found).toEqual([]);
  });
});

/** As docker saves an image: with plain layers and no manifest. */
async function loadedBare(here: Machine, image: BuiltImage): Promise<{ readonly loaded: string }> {
  const archive = dockerArchive(image, ["bare:1"]);
  await here.sharing.load(
    (async function* () {
      yield archive;
    })(),
  );
  return { loaded: here.images.get("bare:1").image.manifestDigest };
}
