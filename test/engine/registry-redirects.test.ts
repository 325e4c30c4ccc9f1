import type { Credential } from "@nacre/core/ports/credential-store.ts";
import type { Access } from "@nacre/plugin-registry/access.ts";
import { MemoryContent } from "@nacre/plugin-registry/content.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { contentOf, machine, sampleImage } from "./pull-machine.ts";

const image = sampleImage();
const bottom = image.layers[0]!;
const access: Access = { kind: "basic", username: "ada", password: "secret" };
const ada: Credential = { kind: "password", username: "ada", password: "secret" };
const path = `/v2/team/app/blobs/${bottom.digest}`;

describe("a redirect", () => {
  it("to another host is followed without credentials", async () => {
    await using other = await serveRegistry(contentOf({ "1": image }));
    await using registry = await serveRegistry(contentOf({ "1": image }), {
      access,
      faults: [{ on: "blob", of: bottom.digest, do: "redirect", to: other.url + path }],
    });
    await using here = machine({ credentials: { [registry.address]: ada } });
    const pulled = await here.images.pull(`${registry.address}/team/app:1`);
    expect(pulled.image.id).toBe(image.id);
    expect(other.requests).toHaveLength(1);
    expect(other.requests[0]).toMatchObject({ path, status: 200, authorization: undefined });
  });

  it("within a host keeps them", async () => {
    await using registry = await serveRegistry(contentOf({ "1": image }), {
      access,
      faults: [{ on: "blob", of: bottom.digest, do: "redirect", to: path, times: 1, status: 302 }],
    });
    await using here = machine({ credentials: { [registry.address]: ada } });
    await here.images.pull(`${registry.address}/team/app:1`);
    const blobs = registry.requests.filter((request) => request.path === path);
    expect(blobs.map(({ status }) => status)).toEqual([302, 200]);
  });

  it("to a host that asks who we are gets no answer", async () => {
    await using other = await serveRegistry(contentOf({ "1": image }), { access });
    await using registry = await serveRegistry(contentOf({ "1": image }), {
      faults: [{ on: "blob", of: bottom.digest, do: "redirect", to: other.url + path }],
    });
    await using here = machine({ credentials: { [registry.address]: ada, [other.address]: ada } });
    const pull = here.images.pull(`${registry.address}/team/app:1`);
    await expect(pull).rejects.toMatchObject({ kind: "unauthorized" });
    expect(other.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
    expect(here.asked).toEqual([]);
  });

  it("in circles, or to where everybody listens, ends at once", async () => {
    for (const to of [path, "http://registry.example/blob", "ftp://x/y", "http://u:p@127.0.0.1/"]) {
      await using registry = await serveRegistry(contentOf({ "1": image }), {
        faults: [{ on: "blob", of: bottom.digest, do: "redirect", to }],
      });
      await using here = machine();
      const pull = here.images.pull(`${registry.address}/team/app:1`);
      await expect(pull).rejects.toMatchObject({
        kind: "unreachable",
        message: expect.stringMatching(/redirects (in circles|to .* refused)/),
      });
      expect(here.clock.sleptMs).toEqual([]);
    }
  });
});

describe("a foreign layer", () => {
  it("is fetched from its own URL as by a stranger, where the registry has it not", async () => {
    const elsewhere = new MemoryContent();
    elsewhere.addBlob(image.blobs.get(bottom.digest)!);
    await using other = await serveRegistry(elsewhere);
    const manifest = JSON.parse(Buffer.from(image.manifest).toString());
    manifest.layers[0].urls = [`${other.url}/v2/x/blobs/sha256:00`, other.url + path];
    manifest.layers[0].mediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    const content = contentOf({ "1": image });
    content.removeBlob(bottom.digest);
    content.addManifest("team/app", "foreign", Buffer.from(JSON.stringify(manifest)));
    await using registry = await serveRegistry(content, { access });
    await using here = machine({ credentials: { [registry.address]: ada, [other.address]: ada } });
    const pulled = await here.images.pull(`${registry.address}/team/app:foreign`);
    expect(pulled.image.id).toBe(image.id);
    expect(other.requests.map(({ authorization }) => authorization)).toEqual([
      undefined,
      undefined,
    ]);
    expect(here.asked).not.toContain(other.address);
  });
});

describe("a mirror", () => {
  it("is asked first, and the registry itself for what the mirror has not", async () => {
    const partly = contentOf({ "1": image });
    partly.removeBlob(bottom.digest);
    await using mirror = await serveRegistry(partly);
    await using registry = await serveRegistry(contentOf({ "1": image, "2": image }));
    const registries = { [registry.address]: { mirrors: [mirror.url] } };
    await using here = machine({ registries });
    await here.images.pull(`${registry.address}/team/app:1`);
    const own = () => registry.requests.map((request) => request.path).filter((p) => p !== "/v2/");
    expect(own()).toEqual([path]);
    // The mirror knows no tag 2; its being down is no obstacle either.
    await here.images.pull(`${registry.address}/team/app:2`);
    await mirror.close();
    await here.images.pull(`${registry.address}/team/app:2`);
    expect(own().filter((p) => p.endsWith("/manifests/2"))).toHaveLength(2);
  });

  it("that refuses us does not hide the registry's own answer", async () => {
    await using mirror = await serveRegistry(contentOf({}), { access });
    await using registry = await serveRegistry(contentOf({ "1": image }));
    await using here = machine({
      registries: { [registry.address]: { mirrors: [mirror.url] } },
    });
    const pull = here.images.pull(`${registry.address}/team/app:none`);
    await expect(pull).rejects.toMatchObject({
      kind: "not-found",
      message: expect.stringContaining(`unknown to the registry ${registry.address}`),
    });
  });
});
