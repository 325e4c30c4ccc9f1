import { MEDIA } from "@nacre/core/oci/image.ts";
import { sha256 } from "@nacre/plugin-registry/content.ts";
import { describe, expect, it } from "vitest";
import { machine } from "./pull-machine.ts";
import { pushRegistry } from "./push-registry.ts";

const file = (name: string, text: string) => ({ name, bytes: new TextEncoder().encode(text) });

describe("artifacts", () => {
  it("are made, pushed, pulled elsewhere, read and removed", async () => {
    await using registry = await pushRegistry();
    await using here = machine();
    await using there = machine();
    const name = `${registry.address}/team/model:1`;
    const options = { type: "application/vnd.test.model", annotations: { by: "ada" } };
    const digest = await here.artifacts.add(
      name,
      [file("a.txt", "one"), file("b", "two")],
      options,
    );
    expect(await here.artifacts.add(name, [file("a.txt", "one"), file("b", "two")], options)).toBe(
      digest,
    );
    expect(await here.artifacts.push(name)).toBe(digest);
    expect(await there.artifacts.pull(name)).toBe(digest);
    const listing = await there.artifacts.get(name);
    expect(listing).toMatchObject({
      ...{ digest, artifactType: "application/vnd.test.model", annotations: { by: "ada" } },
      files: [{ name: "a.txt", sizeBytes: 3 }, { name: "b" }],
    });
    expect(await there.artifacts.list()).toEqual([listing]);
    let text = "";
    for await (const part of there.artifacts.read(name, "b")) text += Buffer.from(part).toString();
    expect(text).toBe("two");
    expect(there.images.list()).toEqual([]);
    await there.images.sweep();
    expect((await there.artifacts.get(name)).digest).toBe(digest);
    expect((await there.check()).found).toEqual([]);
    await there.artifacts.remove(name);
    expect(Object.keys(there.files())).toEqual([]);
    await expect(there.artifacts.get(name)).rejects.toMatchObject({ kind: "not-found" });
  });

  it("below an index come and go with it", async () => {
    await using registry = await pushRegistry();
    await using here = machine();
    const below = await Promise.all(
      ["one", "two"].map(async (text) => {
        const name = `${registry.address}/team/set:${text}`;
        const digest = await here.artifacts.add(name, [file(text, text)]);
        await here.artifacts.push(name);
        const { length } = (await registry.repositories.manifest("team/set", text))!.bytes;
        return { mediaType: MEDIA.ociManifest, digest, size: length };
      }),
    );
    const document = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: below };
    const bytes = new TextEncoder().encode(JSON.stringify(document));
    registry.repositories.hold("team/set", "all", MEDIA.ociIndex, bytes);
    await using there = machine();
    const all = `${registry.address}/team/set:all`;
    expect(await there.artifacts.pull(all)).toBe(sha256(bytes));
    await using other = await pushRegistry();
    const copy = there.images.tag(all, `${other.address}/own/set:1`);
    expect(await there.artifacts.push(copy)).toBe(sha256(bytes));
    for (const { digest } of [...below, { digest: sha256(bytes) }]) {
      expect(await other.repositories.manifest("own/set", digest)).toBeDefined();
    }
    expect((await there.check()).found).toEqual([]);
    for (const name of [all, copy]) await there.artifacts.remove(name);
    expect(there.files()).toEqual({});
  });

  it("of a type that only others know are pulled and pushed as they are", async () => {
    await using registry = await pushRegistry();
    await using here = machine();
    const type = "application/vnd.oci.artifact.manifest.v1+json";
    const blob = new TextEncoder().encode("contents");
    registry.repositories.blobs.set(sha256(blob), blob);
    const blobs = [{ mediaType: "a/b", digest: sha256(blob), size: blob.length }];
    const document = { mediaType: type, schemaVersion: 2, artifactType: "a/thing", blobs };
    const bytes = new TextEncoder().encode(JSON.stringify(document));
    registry.repositories.hold("team/thing", "1", type, bytes);
    const name = `${registry.address}/team/thing:1`;
    expect(await here.artifacts.pull(name)).toBe(sha256(bytes));
    const other = here.images.tag(name, `${registry.address}/other/thing:1`);
    expect(await here.artifacts.push(other)).toBe(sha256(bytes));
    expect(await registry.repositories.manifest("other/thing", "1")).toMatchObject({
      mediaType: type,
    });
    expect((await here.check()).found).toEqual([]);
  });

  it("get one more name by tag, by which they are pushed", async () => {
    await using registry = await pushRegistry();
    await using here = machine();
    const digest = await here.artifacts.add("team/model", [file("a", "one")]);
    const name = here.images.tag("team/model", `${registry.address}/team/model:2`);
    expect(await here.artifacts.push(name)).toBe(digest);
    await here.artifacts.remove("team/model");
    expect((await here.artifacts.get(name)).digest).toBe(digest);
    expect(here.images.list()).toEqual([]);
    expect((await here.check()).found).toEqual([]);
  });

  it.each([
    ["has the referrers API", true],
    ["has it not, but for the tag that stands for it", false],
  ])("about an image are found where a registry %s", async (_, api) => {
    await using registry = await pushRegistry(async (request, usual) => {
      const { pathname } = request.url;
      if (api) return undefined;
      if (pathname.includes("/referrers/")) return { status: 404, headers: {} };
      if (request.method !== "PUT" || !pathname.includes("/manifests/")) return undefined;
      const { "oci-subject": __, ...headers } = (await usual(request)).headers;
      return { status: 201, headers };
    });
    await using here = machine();
    const name = (tag: string) => `${registry.address}/team/app:${tag}`;
    await here.artifacts.add(name("1"), [file("a", "one")]);
    const subject = await here.artifacts.push(name("1"));
    const made: string[] = [];
    for (const [tag, type] of [
      ["report", "a/report"],
      ["list", "a/list"],
    ] as const) {
      const options = { type, subject: name("1"), annotations: { by: "ada" } };
      made.push(await here.artifacts.add(name(tag), [file(tag, tag)], options));
      await here.artifacts.push(name(tag));
      await here.artifacts.push(name(tag));
    }
    const found = await here.artifacts.referrers(name("1"));
    expect(found.map(({ digest, type }) => [digest, type]).sort()).toEqual(
      made.map((digest, at) => [digest, ["a/report", "a/list"][at]]).sort(),
    );
    expect(found[0]!.annotations).toEqual({ by: "ada" });
    const tag = await registry.repositories.manifest("team/app", subject.replace(":", "-"));
    expect(tag === undefined).toBe(api);
  });

  it("that are about an image are listed, by the API and by cosign's tags", async () => {
    await using registry = await pushRegistry();
    await using here = machine();
    const name = `${registry.address}/team/app:1`;
    const digest = await here.artifacts.add(name, [file("a", "one")]);
    await here.artifacts.push(name);
    const config = new TextEncoder().encode("{}");
    registry.repositories.blobs.set(sha256(config), config);
    const signature = new TextEncoder().encode(
      JSON.stringify({
        ...{ schemaVersion: 2, mediaType: MEDIA.ociManifest, artifactType: "a/signature" },
        config: { mediaType: "a/b", digest: sha256(config), size: 2 },
        ...{ layers: [], annotations: { by: "ada" } },
        subject: { mediaType: MEDIA.ociManifest, digest, size: 1 },
      }),
    );
    const { repositories } = registry;
    repositories.hold("team/app", sha256(signature), MEDIA.ociManifest, signature);
    const tag = `${digest.replace(":", "-")}.sig`;
    repositories.hold("team/app", tag, MEDIA.ociManifest, signature);
    expect(await here.artifacts.referrers(name)).toEqual([
      expect.objectContaining({ digest: sha256(signature), annotations: { by: "ada" } }),
      { digest: sha256(signature), type: "cosign sig", annotations: {} },
    ]);
    await expect(
      here.artifacts.referrers(`${registry.address}/team/app:none`),
    ).rejects.toMatchObject({ kind: "not-found" });
  });
});
