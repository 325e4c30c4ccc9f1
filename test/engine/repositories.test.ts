// The image store as a registry, judged by Nacre's own client on another machine.

import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { imageFor } from "@nacre/engine/containers/image-for.ts";
import type { Planner } from "@nacre/engine/containers/planner.ts";
import { sha256 } from "@nacre/plugin-registry/content.ts";
import { buildIndex } from "@nacre/plugin-registry/image-builder.ts";
import { OciServer } from "@nacre/plugin-registry/oci-server.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { contentOf, type Machine, machine, sampleImage } from "./pull-machine.ts";

const image = sampleImage();
/** `ada` with the password `open sesame`, by bcrypt. */
const HTPASSWD = "ada:$2y$04$.rjyCRyXMtJQItAS8BfJJeVzxBDlN9ht/gzIk1BVUbgoPDKkqftJS\n";
const ADA = { kind: "password", username: "ada", password: "open sesame" } as const;

async function holding(): Promise<Machine> {
  await using registry = await serveRegistry(contentOf({ "1": image }));
  const here = machine();
  const { reference } = await here.images.pull(`${registry.address}/team/app:1`);
  here.images.tag(reference, "team/app:1");
  await here.images.remove(reference);
  return here;
}

const serve = (of: Machine, options = {}) =>
  new OciServer().serve(of.repositories, { host: "127.0.0.1", port: 0, ...options });

/** What a container of another platform gets: an image that is made of what is here. */
async function expectsToRun(here: Machine, image: string, platform: string, id: string) {
  const planner = { platformFor: (request: ContainerRequest) => request.platform } as Planner;
  const asked = { image, platform, pull: "never" } as ContainerRequest;
  expect((await imageFor(here.images, planner, asked))?.id).toBe(id);
  expect(here.images.get(image, platform).image.id).toBe(id);
  const other = imageFor(here.images, planner, { ...asked, platform: "linux/riscv64" });
  await expect(other).rejects.toThrow(/does not provide/);
}

describe("the store as a registry", () => {
  it("gives what nacre images shows, under the same digest", async () => {
    await using here = await holding();
    await using there = machine();
    const served = await serve(here);
    try {
      const pulled = await there.images.pull(`${served.address}/team/app:1`);
      expect(pulled).toMatchObject({ digest: image.manifestDescriptor.digest });
      expect(pulled.image.id).toBe(image.id);
      const list = await (await fetch(`${served.url}/v2/team/app/tags/list`)).json();
      expect(list).toEqual({ name: "team/app", tags: ["1"] });
      const catalog = await (await fetch(`${served.url}/v2/_catalog`)).json();
      expect(catalog).toEqual({ repositories: ["team/app"] });
    } finally {
      await served.close();
    }
  });

  it("keeps what a push has sent that was broken off, and the next one goes on there", async () => {
    const large = sampleImage({ sizeBytes: 8_000_000 });
    await using registry = await serveRegistry(contentOf({ "1": large }));
    await using here = machine();
    await using there = machine();
    const served = await serve(there);
    try {
      const { reference } = await here.images.pull(`${registry.address}/team/app:1`);
      const name = here.images.tag(reference, `${served.address}/sent:1`);
      const cutting = new AbortController();
      const sent = () =>
        here.events.flatMap((event) =>
          event.type === "upload" && event.phase === "sending" ? [event.sentBytes] : [],
        );
      const pushed = here.sharing.push(name, { signal: cutting.signal, chunkBytes: 1_500_000 });
      const watch = setInterval(() => {
        if (sent().some((bytes) => bytes > 3_100_000)) cutting.abort();
      }, 1);
      await expect(pushed).rejects.toMatchObject({ kind: "interrupted" });
      clearInterval(watch);
      here.events.length = 0;
      await using next = machine({ root: here.root, snapshotter: here.snapshotter });
      await next.sharing.push(name);
      const first = next.events.find(
        (event) => event.type === "upload" && event.phase === "sending",
      );
      expect(first).toMatchObject({ digest: large.layers[0]!.digest });
      expect((first as { sentBytes: number }).sentBytes).toBeGreaterThan(3_000_000);
      expect(there.images.get("sent:1").image.id).toBe(large.id);
    } finally {
      await served.close();
    }
  });

  it("lists no names that nobody could ask for, such as those with a port in them", async () => {
    await using here = await holding();
    here.images.tag("team/app:1", "localhost:5599/bb:1");
    here.images.tag("team/app:1", "quay.example/bb:1");
    expect(await here.repositories.repositories()).toEqual(["quay.example/bb", "team/app"]);
  });

  it("takes what is pushed, which runs here at once, and removes it", async () => {
    await using here = await holding();
    await using there = machine();
    const served = await serve(there);
    try {
      const name = `${served.address}/debian:12`;
      here.images.tag("team/app:1", name);
      const { digest } = await here.sharing.push(name, { chunkBytes: 100_000 });
      const { image: record, references } = there.images.get("debian:12");
      expect(record.id).toBe(image.id);
      expect(references).toEqual([{ reference: "docker.io/library/debian:12", digest }]);
      expect(there.snapshotter.committed.size).toBe(1);
      const manifest = `${served.url}/v2/debian/manifests/${digest}`;
      const wanted = image.layers[0]!.digest;
      const blob = `${served.url}/v2/debian/blobs/${wanted}`;
      expect((await fetch(blob, { method: "DELETE" })).status).toBe(409);
      const part = await fetch(blob, { headers: { range: "bytes=5-9" } });
      expect(part.status).toBe(206);
      expect(Buffer.from(await part.arrayBuffer())).toEqual(
        Buffer.from(image.blobs.get(wanted)!.subarray(5, 10)),
      );
      expect((await fetch(manifest, { method: "DELETE" })).status).toBe(202);
      expect((await fetch(manifest)).status).toBe(404);
      expect(there.images.list()).toEqual([]);
    } finally {
      await served.close();
    }
    await there.images.sweep();
    expect(Object.keys(there.files())).toEqual([]);
  });

  it("keeps indexes with platforms that are not its own, and what is about them", async () => {
    await using there = machine();
    const served = await serve(there);
    const arm = sampleImage({ seed: 5, platform: { os: "linux", architecture: "arm64" } });
    const send = async (path: string, bytes: Uint8Array, type: string): Promise<Response> => {
      const body = Buffer.from(bytes);
      return fetch(`${served.url}${path}`, {
        ...{ method: "PUT", body, headers: { "content-type": type } },
      });
    };
    try {
      for (const { blobs, manifest, manifestDescriptor } of [image, arm]) {
        for (const [digest, bytes] of blobs) {
          const url = `${served.url}/v2/x/blobs/uploads/?digest=${digest}`;
          const sent = await fetch(url, { method: "POST", body: Buffer.from(bytes) });
          expect(sent.status).toBe(201);
        }
        const path = `/v2/x/manifests/${manifestDescriptor.digest}`;
        expect((await send(path, manifest, manifestDescriptor.mediaType)).status).toBe(201);
      }
      const index = buildIndex([
        { image, platform: { os: "linux", architecture: "amd64" } },
        { image: arm, platform: { os: "linux", architecture: "arm64" } },
      ]);
      const indexType = "application/vnd.oci.image.index.v1+json";
      expect((await send("/v2/x/manifests/1", index, indexType)).status).toBe(201);
      expect(there.images.get("x:1").image.id).toBe(image.id);
      await expectsToRun(there, "x:1", "linux/arm64", arm.id);
      expect(there.images.get("x:1").image.id).toBe(image.id);
      const subject = { mediaType: indexType, digest: sha256(index), size: index.length };
      const config = Buffer.from("{}");
      const url = `${served.url}/v2/x/blobs/uploads/?digest=${sha256(config)}`;
      await fetch(url, { method: "POST", body: config });
      const signature = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          artifactType: "application/vnd.test.signature",
          config: {
            mediaType: "application/vnd.oci.empty.v1+json",
            digest: sha256(config),
            size: 2,
          },
          layers: [],
          subject,
          annotations: { by: "ada" },
        }),
      );
      const type = "application/vnd.oci.image.manifest.v1+json";
      const put = await send(`/v2/x/manifests/${sha256(signature)}`, signature, type);
      expect(put.headers.get("oci-subject")).toBe(subject.digest);
      const { freedBytes } = await there.images.sweep();
      expect(freedBytes).toBe(0);
      const referrers = await fetch(
        `${served.url}/v2/x/referrers/${subject.digest}?artifactType=application/vnd.test.signature`,
      );
      expect(referrers.headers.get("oci-filters-applied")).toBe("artifactType");
      expect(await referrers.json()).toMatchObject({
        manifests: [{ digest: sha256(signature), annotations: { by: "ada" } }],
      });
      // All that leads from the tag goes with it.
      await there.images.remove("x:1");
      await there.images.sweep();
      expect(Object.keys(there.files())).toEqual([]);
    } finally {
      await served.close();
    }
  });

  it("asks who it is where it is told to, and takes nothing where it can only be read", async () => {
    await using here = await holding();
    const served = await serve(here, { htpasswd: HTPASSWD, readOnly: true });
    const name = `${served.address}/team/app:1`;
    try {
      await using stranger = machine();
      await expect(stranger.images.pull(name)).rejects.toMatchObject({ kind: "unauthorized" });
      await using wrong = machine({ credentials: { [served.address]: { ...ADA, password: "x" } } });
      await expect(wrong.images.pull(name)).rejects.toMatchObject({ kind: "unauthorized" });
      await using known = machine({ credentials: { [served.address]: ADA } });
      await known.images.pull(name);
      known.images.tag(name, `${served.address}/team/app:2`);
      await expect(known.sharing.push(`${served.address}/team/app:2`)).rejects.toMatchObject({
        message: expect.stringContaining("can only be read"),
      });
    } finally {
      await served.close();
    }
    await expect(serve(here, { htpasswd: "ada:plain" })).rejects.toMatchObject({ kind: "invalid" });
  });

  it("goes on with an upload that was begun before it was started anew", async () => {
    await using there = machine();
    const bytes = Buffer.from("a blob in two parts");
    const first = await there.repositories.beginUpload();
    await first.append(one(bytes.subarray(0, 6)));
    await there.suspendUploads();
    const again = (await there.repositories.upload(first.id))!;
    expect(again.sizeBytes).toBe(6);
    await again.append(one(bytes.subarray(6)));
    await again.finish(sha256(bytes));
    expect((await there.repositories.blob(sha256(bytes)))?.sizeBytes).toBe(bytes.length);
    expect(await there.repositories.upload(first.id)).toBeUndefined();
    const wrong = await there.repositories.beginUpload();
    await wrong.append(one(bytes));
    await expect(wrong.finish(sha256(Buffer.from("other")))).rejects.toMatchObject({
      kind: "corrupt",
    });
    await there.images.sweep();
    expect(Object.keys(there.files())).toEqual([]);
  });

  it.each<[string, string, string, number]>([
    ["GET", "/v2/UPPER/manifests/1", "", 404],
    ["GET", "/v2/x/manifests/1", "", 404],
    ["GET", "/v2/x/blobs/sha256:12", "", 400],
    ["GET", `/v2/x/blobs/sha256:${"0".repeat(64)}`, "", 404],
    ["GET", "/v2/x/tags/list", "", 404],
    ["PATCH", "/v2/x/blobs/uploads/../../etc", "", 404],
    ["PATCH", "/v2/x/blobs/uploads/0123", "x", 404],
    ["POST", `/v2/x/blobs/uploads/?digest=sha256:${"0".repeat(64)}`, "x", 400],
    ["PUT", "/v2/x/manifests/1", "no JSON", 400],
    ["PUT", "/v2/x/manifests/1", '{"schemaVersion":1}', 400],
    ["PUT", `/v2/x/manifests/sha256:${"0".repeat(64)}`, '{"schemaVersion":2}', 400],
    [
      "PUT",
      "/v2/x/manifests/1",
      `{"schemaVersion":2,"layers":[{"mediaType":"a/b","digest":"sha256:${"0".repeat(64)}","size":1}]}`,
      404,
    ],
    ["POST", "/v2/x/manifests/1", "", 405],
    ["DELETE", "/v2/x/manifests/1", "", 404],
  ])("refuses %s %s with %s by %d", async (method, path, body, status) => {
    await using there = machine();
    const served = await serve(there);
    try {
      const init = body === "" ? { method } : { method, body };
      const response = await fetch(`${served.url}${path}`, init);
      expect(response.status).toBe(status);
      if (method !== "PATCH" || body !== "") {
        expect(await response.json()).toMatchObject({ errors: [{ code: expect.any(String) }] });
      }
    } finally {
      await served.close();
    }
    await there.images.sweep();
    expect(Object.keys(there.files())).toEqual([]);
  });
});

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
