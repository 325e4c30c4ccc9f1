import { readFileSync, writeFileSync } from "node:fs";
import type { Images, UploadEvent } from "@nacre/engine/engine.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { contentOf, type Machine, machine, sampleImage } from "./pull-machine.ts";
import { cutAfter, pushRegistry } from "./push-registry.ts";

const image = sampleImage({ sizeBytes: 3_000_000 });

/** A machine that has pulled `image`, under a name at another registry. */
async function holding(target: string, options = {}): Promise<Machine & { sharing: Images }> {
  await using registry = await serveRegistry(contentOf({ "1": image }));
  const here = machine(options);
  const pulled = await here.images.pull(`${registry.address}/team/app:1`);
  here.images.tag(pulled.reference, target);
  return here;
}

const phases = (events: Machine["events"]) =>
  events.filter((event): event is UploadEvent => event.type === "upload").map(({ phase }) => phase);

describe("pushing an image", () => {
  it("sends blobs and manifest byte for byte, under the digest that was pulled", async () => {
    await using registry = await pushRegistry();
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target);
    const pushed = await here.sharing.push(target);
    expect(pushed).toMatchObject({ reference: target, digest: image.manifestDescriptor.digest });
    expect(pushed.sizeBytes).toBe(image.manifest.length);
    const stored = await registry.repositories.manifest("own/app", "2");
    expect(Buffer.from(stored!.bytes).equals(Buffer.from(image.manifest))).toBe(true);
    for (const [digest, bytes] of image.blobs) {
      if (digest === image.manifestDescriptor.digest) continue;
      expect(Buffer.compare(registry.repositories.blobs.get(digest)!, bytes)).toBe(0);
    }
    expect(new Set(phases(here.events))).toEqual(new Set(["waiting", "sending", "complete"]));
    expect(here.state.events(0, 100).at(-1)).toMatchObject({ type: "image", action: "push" });
  });

  it("sends nothing again that is there", async () => {
    await using registry = await pushRegistry();
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target);
    await here.sharing.push(target);
    registry.requests.length = 0;
    here.images.tag(target, `${registry.address}/own/app:3`);
    await here.sharing.push(`${registry.address}/own/app:3`);
    expect(registry.requests.filter((line) => /^(PATCH|POST)/.test(line))).toEqual([]);
    expect(await registry.repositories.tags("own/app")).toEqual(["2", "3"]);
  });

  it("takes from another repository of the registry what that one has", async () => {
    await using registry = await pushRegistry();
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target);
    await here.sharing.push(target);
    registry.requests.length = 0;
    here.events.length = 0;
    // As registries do that keep the blobs of each repository to it.
    const other = `${registry.address}/other/app:2`;
    here.images.tag(target, other);
    await using strict = await pushRegistry(async ({ method, url }) => {
      const known = method === "HEAD" && url.pathname.includes("/blobs/");
      return known ? { status: 404, headers: {} } : undefined;
    });
    for (const [digest, bytes] of image.blobs) strict.repositories.blobs.set(digest, bytes);
    here.images.tag(target, `${strict.address}/one/app:1`);
    here.images.tag(target, `${strict.address}/two/app:1`);
    await here.sharing.push(`${strict.address}/two/app:1`);
    expect(strict.requests.filter((line) => line.startsWith("PATCH"))).toEqual([]);
    const mounted = here.events.filter(
      (event) => event.type === "upload" && event.phase === "mounted",
    );
    expect(mounted).toHaveLength(2);
    expect(mounted[0]).toMatchObject({ from: "one/app" });
  });

  it("sends large layers in parts where it is told to", async () => {
    await using registry = await pushRegistry();
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target);
    await here.sharing.push(target, { chunkBytes: 1_000_000 });
    const patches = registry.asked.filter(({ method }) => method === "PATCH");
    const ranges = patches.map(({ headers }) => headers["content-range"]);
    expect(ranges).toContain("0-999999");
    expect(ranges).toContain("1000000-1999999");
    expect(await registry.repositories.tags("own/app")).toEqual(["2"]);
  });

  it("goes on where a connection broke", async () => {
    let cuts = 2;
    await using registry = await pushRegistry(async (request, usual) => {
      if (request.method !== "PATCH" || cuts === 0) return undefined;
      cuts--;
      return usual({ ...request, body: cutAfter(request.body, 700_000) });
    });
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target);
    await here.sharing.push(target);
    expect(cuts).toBe(0);
    const starts = registry.asked
      .filter(({ method }) => method === "PATCH")
      .map(({ headers }) => headers["content-range"]?.split("-")[0]);
    expect(starts).toEqual(["1400000"]);
    expect(await registry.repositories.tags("own/app")).toEqual(["2"]);
  });

  it("goes on with what a push before it has sent, in another process too", async () => {
    let cut = true;
    const cutting = new AbortController();
    await using registry = await pushRegistry(async (request, usual) => {
      if (request.method !== "PATCH" || !cut) return undefined;
      cut = false;
      const answered = usual({ ...request, body: cutAfter(request.body, 700_000) });
      await answered.catch(() => {});
      cutting.abort();
      return answered;
    });
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target);
    const broken = here.sharing.push(target, { signal: cutting.signal });
    await expect(broken).rejects.toMatchObject({ kind: expect.any(String) });
    expect(await registry.repositories.tags("own/app")).toBeUndefined();
    registry.asked.length = 0;
    await using next = machine({ root: here.root, snapshotter: here.snapshotter });
    await next.sharing.push(target);
    const starts = registry.asked
      .filter(({ method }) => method === "PATCH")
      .map(({ headers }) => headers["content-range"]?.split("-")[0]);
    expect(starts).toEqual(["700000"]);
    expect(await registry.repositories.tags("own/app")).toEqual(["2"]);
    expect(next.state.read((t) => t.list("upload"))).toEqual([]);
  });

  it.each([
    ["does not go on with what another push is at", "running", 0],
    ["begins anew what the registry knows no more", "ended", 1],
  ])("%s", async (_, intent, asks) => {
    await using registry = await pushRegistry();
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target);
    const key = `${registry.address}/own/app@${image.layers[0]!.digest}`;
    const location = `http://${registry.address}/v2/own/app/blobs/uploads/gone`;
    here.state.write((t) => {
      t.put("upload", key, { key, location, intent, updatedMs: Date.now() });
      const running = { kind: "pull", subject: "x", process: { pid: 1, startTime: "1" } } as const;
      t.put("intent", "running", { ...running, id: "running", begunMs: 0, paths: [] });
    });
    await here.sharing.push(target);
    const asked = registry.asked.filter(({ url }) => url.pathname.endsWith("/gone"));
    expect(asked).toHaveLength(asks);
    expect(await registry.repositories.tags("own/app")).toEqual(["2"]);
    expect(here.state.read((t) => t.list("upload"))).toEqual([]);
  });

  it("begins anew where the registry has forgotten what had arrived", async () => {
    let cut = false;
    await using registry = await pushRegistry(async (request, usual) => {
      const { method, url } = request;
      if (method === "PATCH" && !cut) {
        cut = true;
        return usual({ ...request, body: cutAfter(request.body, 700_000) });
      }
      const asks = method === "GET" && url.pathname.includes("/uploads/");
      return asks ? { status: 404, headers: {} } : undefined;
    });
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target);
    await here.sharing.push(target);
    expect(await registry.repositories.tags("own/app")).toEqual(["2"]);
  });

  it("compresses anew where it is told to, always to the same bytes, and the name gets their digest", async () => {
    await using registry = await pushRegistry();
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target);
    const before = here.files();
    const { digest } = await here.sharing.push(target, { compression: "zstd" });
    expect(digest).not.toBe(image.manifestDescriptor.digest);
    expect((await here.sharing.push(target, { compression: "zstd" })).digest).toBe(digest);
    const manifest = JSON.parse(
      Buffer.from((await registry.repositories.manifest("own/app", "2"))!.bytes).toString(),
    );
    expect(manifest.config.digest).toBe(image.id);
    expect(manifest.layers[0].mediaType).toBe("application/vnd.oci.image.layer.v1.tar+zstd");
    expect(here.images.get(`${registry.address}/own/app@${digest}`).image.id).toBe(image.id);
    const hex = digest.slice("sha256:".length);
    const added = Object.keys(here.files()).filter((path) => !(path in before));
    expect(added).toEqual([`blobs/sha256/${hex}`]);
    await using there = machine();
    const pulled = await there.images.pull(target);
    expect(pulled).toMatchObject({ digest, image: { id: image.id } });
  });

  it("says which blob is damaged here, and does not blame the registry", async () => {
    await using registry = await pushRegistry();
    const target = `${registry.address}/own/app:2`;
    await using here = await holding(target);
    const path = here.paths.blob(image.layers[0]!.digest);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
    await expect(here.sharing.push(target)).rejects.toMatchObject({
      kind: "corrupt",
      message: expect.stringContaining(`the stored blob ${image.layers[0]!.digest} is damaged`),
    });
    expect(await registry.repositories.repositories()).toEqual([]);
  });

  it("refuses what has no name of a repository, and what is not here", async () => {
    await using registry = await pushRegistry();
    await using here = await holding(`${registry.address}/own/app:2`);
    await expect(here.sharing.push(image.id)).rejects.toMatchObject({ kind: "invalid" });
    await expect(here.sharing.push("nobody/app")).rejects.toMatchObject({ kind: "not-found" });
  });
});
