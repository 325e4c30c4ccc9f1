// Images for several platforms under one name, and what else an index names.

import { type Descriptor, MEDIA } from "@nacre/core/oci/image.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { sha256 } from "@nacre/plugin-registry/content.ts";
import { type BuiltImage, descriptorOf } from "@nacre/plugin-registry/image-builder.ts";
import { describe, expect, it } from "vitest";
import { AMD64, type Machine, machine, sampleImage } from "./pull-machine.ts";
import { type PushRegistry, pushRegistry } from "./push-registry.ts";

const ARM64 = { os: "linux", architecture: "arm64" };
const RISCV = { os: "linux", architecture: "riscv64" };
const amd = sampleImage({ sizeBytes: 20_000 });
const arm = sampleImage({ sizeBytes: 20_000, seed: 2, platform: ARM64 });
const riscv = sampleImage({ sizeBytes: 20_000, seed: 3, platform: RISCV });

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** What BuildKit puts beside an image, about it. */
const statement = json({ _type: "https://in-toto.io/Statement/v0.1", predicate: {} });
const attestedConfig = json({ architecture: "unknown", os: "unknown", config: {} });
const attestation = json({
  ...{ schemaVersion: 2, mediaType: MEDIA.ociManifest },
  config: descriptorOf(attestedConfig, MEDIA.ociConfig),
  layers: [descriptorOf(statement, "application/vnd.in-toto+json")],
});
const strange = json({
  schemaVersion: 2,
  mediaType: "application/vnd.test.manifest.v1+json",
  blobs: [],
});

const entry = ({ manifestDescriptor }: BuiltImage, platform: Descriptor["platform"]) => ({
  ...manifestDescriptor,
  platform,
});
const index = json({
  ...{ schemaVersion: 2, mediaType: MEDIA.ociIndex, annotations: { kept: "as it is" } },
  manifests: [
    entry(amd, AMD64),
    entry(arm, { ...ARM64, variant: "v8" }),
    entry(riscv, RISCV),
    {
      ...descriptorOf(attestation, MEDIA.ociManifest),
      platform: { os: "unknown", architecture: "unknown" },
    },
    descriptorOf(strange, "application/vnd.test.manifest.v1+json"),
  ],
});

async function registryWith(): Promise<PushRegistry & { readonly app: string }> {
  const registry = await pushRegistry();
  const { blobs } = registry.repositories;
  for (const image of [amd, arm, riscv]) {
    for (const [digest, bytes] of image.blobs) blobs.set(digest, bytes);
  }
  for (const bytes of [statement, attestedConfig]) blobs.set(sha256(bytes), bytes);
  const hold = (reference: string, type: string, bytes: Uint8Array) =>
    registry.repositories.hold("team/app", reference, type, bytes);
  for (const { manifest, manifestDescriptor } of [amd, arm, riscv]) {
    hold(manifestDescriptor.digest, manifestDescriptor.mediaType, manifest);
  }
  hold(sha256(attestation), MEDIA.ociManifest, attestation);
  hold(sha256(strange), "application/vnd.test.manifest.v1+json", strange);
  hold("1", MEDIA.ociIndex, index);
  return { ...registry, app: `${registry.address}/team/app:1` };
}

const idsOf = ({ images }: Machine) =>
  images
    .list()
    .map(({ image }) => image.id)
    .sort();
const idOf = ({ images }: Machine, name: string, platform?: string) =>
  images.get(name, platform).image.id;

describe("images for several platforms", () => {
  it("stay under one name, of which this machine's is meant", async () => {
    await using registry = await registryWith();
    await using here = machine();
    const { app } = registry;
    await here.images.pull(app, { platform: "linux/arm64" });
    expect(idOf(here, app)).toBe(arm.id);
    await here.images.pull(app, { platform: "riscv64" });
    expect(idOf(here, app)).toBe(riscv.id);
    await here.images.pull(app);
    await here.images.pull(app, { platform: "linux/arm64" });
    expect(idOf(here, app)).toBe(amd.id);
    expect(idOf(here, app, "linux/arm64")).toBe(arm.id);
    expect(idOf(here, `${registry.address}/team/app@${sha256(index)}`, "arm64")).toBe(arm.id);
    expect(idOf(here, arm.manifestDescriptor.digest)).toBe(arm.id);
    expect(() => here.images.get(app, "linux/s390x")).toThrow(
      expect.objectContaining({
        kind: "not-found",
        message: `image with reference ${app} was found but does not provide the specified platform (linux/s390x)`,
      }),
    );
    for (const { references } of here.images.list()) expect(references).toHaveLength(1);
    const copied = here.images.tag(app, "copy");
    expect(idOf(here, copied, "riscv64")).toBe(riscv.id);
    expect((await here.check()).found).toEqual([]);
  });

  it("go one by one, or all with their name", async () => {
    await using registry = await registryWith();
    await using here = machine();
    const { app } = registry;
    for (const platform of ["linux/amd64", "linux/arm64", "linux/riscv64"]) {
      await here.images.pull(app, { platform });
    }
    const gone = await here.images.remove(app, { platform: "linux/amd64" });
    // The other layer is the others', too.
    expect(gone).toMatchObject({ untagged: [], deleted: [amd.id, amd.diffIds[0]] });
    expect(idsOf(here)).toEqual([arm.id, riscv.id].sort());
    expect(idOf(here, app)).toBe(arm.id);
    const container = { id: "c1", name: "quiet_whelk", imageId: riscv.id, status: "exited" };
    const record = { ...container, mounts: [] } as unknown as ContainerRecord;
    here.state.write((t) => t.put("container", "c1", record));
    await expect(here.images.remove(app)).rejects.toMatchObject({ kind: "in-use" });
    expect(idsOf(here)).toHaveLength(2);
    here.state.write((t) => t.delete("container", "c1"));
    expect((await here.images.remove(app)).untagged).toEqual([app]);
    expect(here.files()).toEqual({});
  });

  it("are taken alone whatever they are for, which is said where another was asked for", async () => {
    await using registry = await registryWith();
    await using here = machine();
    const alone = registry.app.replace(":1", `@${amd.manifestDescriptor.digest}`);
    for (const platform of ["linux/amd64", "linux/arm64"]) {
      await here.images.pull(alone, { platform });
    }
    const notices = here.events.flatMap((event) => (event.type === "notice" ? event.message : []));
    expect(notices).toEqual([`${alone} is made for linux/amd64, not for linux/arm64`]);
  });

  it("part when the name moves on", async () => {
    await using registry = await registryWith();
    await using here = machine();
    const { app } = registry;
    for (const platform of ["linux/amd64", "linux/arm64"]) {
      await here.images.pull(app, { platform });
    }
    const other = sampleImage({ sizeBytes: 1000, seed: 9 });
    for (const [digest, bytes] of other.blobs) registry.repositories.blobs.set(digest, bytes);
    registry.repositories.hold("team/app", "1", MEDIA.ociManifest, other.manifest);
    await here.images.pull(app);
    expect(idOf(here, app)).toBe(other.id);
    const dangling = here.images.list({ filters: { dangling: ["true"] } });
    expect(dangling.map(({ image }) => image.id).sort()).toEqual([amd.id, arm.id].sort());
    expect(() => here.images.get(app, "linux/arm64")).toThrow(/does not provide/);
  });
});

describe("all that a name stands for", () => {
  it("is pulled, pushed elsewhere under the same digest, and saved and loaded so", async () => {
    await using registry = await registryWith();
    await using here = machine();
    const { app } = registry;
    const pulled = await here.sharing.pull(app, { allPlatforms: true });
    expect(pulled).toMatchObject({ digest: sha256(index), changed: true, image: { id: amd.id } });
    expect(idsOf(here)).toEqual([amd.id, arm.id, riscv.id].sort());
    await here.images.sweep();
    expect((await here.check()).found).toEqual([]);
    await using other = await pushRegistry();
    const target = here.images.tag(app, `${other.address}/own/app:2`);
    expect((await here.sharing.push(target)).digest).toBe(sha256(index));
    const given = (reference: string) => other.repositories.manifest("own/app", reference);
    expect(Buffer.from((await given("2"))!.bytes)).toEqual(Buffer.from(index));
    expect(await given(sha256(attestation))).toBeDefined();
    expect(await given(sha256(strange))).toMatchObject({
      mediaType: "application/vnd.test.manifest.v1+json",
    });
    expect(other.repositories.blobs.has(sha256(statement))).toBe(true);
    const one = await here.sharing.push(target, { platform: "linux/arm64" });
    expect(one.digest).toBe(arm.manifestDescriptor.digest);
    await using there = machine();
    const loaded = await there.sharing.load(here.sharing.save([app]));
    expect(loaded.map(({ platform }) => platform)).toEqual([
      ...["linux/amd64", "linux/arm64", "linux/riscv64"],
    ]);
    expect(idOf(there, app)).toBe(amd.id);
    expect(idOf(there, app, "linux/arm64")).toBe(arm.id);
    await using last = await pushRegistry();
    const again = there.images.tag(app, `${last.address}/own/app:2`);
    expect((await there.sharing.push(again)).digest).toBe(sha256(index));
    expect((await there.check()).found).toEqual([]);
  });

  it("is saved and pushed as far as it is here, if that is more than one image", async () => {
    await using registry = await registryWith();
    await using here = machine();
    const { app } = registry;
    for (const platform of ["linux/amd64", "linux/arm64"]) {
      await here.images.pull(app, { platform });
    }
    await using there = machine();
    const loaded = await there.sharing.load(here.sharing.save([app]));
    expect(loaded.map(({ platform }) => platform)).toEqual(["linux/amd64", "linux/arm64"]);
    expect(idOf(there, `${registry.address}/team/app@${sha256(index)}`, "arm64")).toBe(arm.id);
    expect((await there.check()).found).toEqual([]);
    // Where the rest is already, the name gets the index.
    const next = here.images.tag(app, `${registry.address}/team/app:2`);
    expect((await here.sharing.push(next)).digest).toBe(sha256(index));
    await using other = await pushRegistry();
    const target = here.images.tag(app, `${other.address}/own/app:2`);
    await expect(here.sharing.push(target)).rejects.toMatchObject({
      kind: "not-found",
      message: `${target} names images for several platforms, and that for linux/riscv64 is neither here nor in the registry`,
    });
    expect(other.repositories.blobs.has(amd.layers[0]!.digest)).toBe(false);
    const notices = () =>
      here.events.flatMap((event) => (event.type === "notice" ? event.message : []));
    expect(notices()).toEqual([]);
    const own = await here.sharing.push(target, { compression: "zstd" });
    expect(own.digest).not.toBe(sha256(index));
    expect(notices()).toEqual([
      expect.stringContaining("linux/amd64 alone is pushed (no index names one that is compressed"),
    ]);
    for (const name of [app, next, target]) {
      await here.images.remove(name, { platform: "linux/arm64" });
    }
    expect((await here.sharing.push(next)).digest).toBe(amd.manifestDescriptor.digest);
    expect(notices()[1]).toContain("linux/amd64 alone is pushed (pull --all-platforms");
  });

  it("goes whole, and leaves nothing", async () => {
    await using registry = await registryWith();
    await using here = machine();
    await here.sharing.pull(registry.app, { allPlatforms: true });
    await here.images.remove(registry.app, { platform: "linux/arm64" });
    expect(Object.keys(here.files())).not.toContain(
      `blobs/${arm.layers[0]!.digest.replace(":", "/")}`,
    );
    await here.images.remove(registry.app);
    expect(here.files()).toEqual({});
    expect((await here.check()).found).toEqual([]);
  });

  it("is saved and loaded for one platform where one is named", async () => {
    await using registry = await registryWith();
    await using here = machine();
    const { app } = registry;
    await here.sharing.pull(app, { allPlatforms: true });
    await using there = machine();
    const [one] = await there.sharing.load(here.sharing.save([app], { platform: "arm64" }));
    expect(one).toMatchObject({ id: arm.id, platform: "linux/arm64" });
    await there.images.remove(app);
    const all = () => here.sharing.save([app]);
    const [other] = await there.sharing.load(all(), { platform: "riscv64" });
    expect(other).toMatchObject({ id: riscv.id, references: [app] });
    expect(idsOf(there)).toEqual([riscv.id]);
    await expect(there.sharing.load(all(), { platform: "s390x" })).rejects.toMatchObject({
      kind: "not-found",
    });
    await there.images.remove(app);
    expect(there.files()).toEqual({});
  });
});
