import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MEDIA } from "@nacre/core/oci/image.ts";
import { LayoutContent } from "@nacre/plugin-registry/content.ts";
import { writeLayout } from "@nacre/plugin-registry/image-builder.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contentOf, sampleImage } from "../engine/pull-machine.ts";

const image = sampleImage({ sizeBytes: 1000 });
const [bottom] = image.layers;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nacre-layout-"));
  writeLayout(folder, image, "1");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const contents = () => ({
  memory: contentOf({ "1": image }),
  layout: new LayoutContent(folder, "team/app"),
});

describe("the registry on loopback", () => {
  for (const name of ["memory", "layout"] as const) {
    it(`serves manifests, blobs, ranges and tags from a ${name}`, async () => {
      await using registry = await serveRegistry(contents()[name]);
      const get = (path: string, headers = {}) => fetch(registry.url + path, { headers });
      expect((await get("/v2/")).status).toBe(200);
      for (const reference of ["1", image.manifestDescriptor.digest]) {
        const manifest = await get(`/v2/team/app/manifests/${reference}`);
        expect(manifest.headers.get("content-type")).toBe(MEDIA.ociManifest);
        expect(manifest.headers.get("docker-content-digest")).toBe(image.manifestDescriptor.digest);
        expect(Buffer.from(await manifest.arrayBuffer()).equals(image.manifest)).toBe(true);
      }
      const bytes = Buffer.from(image.blobs.get(bottom!.digest)!);
      const blob = await get(`/v2/team/app/blobs/${bottom!.digest}`);
      expect(Buffer.from(await blob.arrayBuffer()).equals(bytes)).toBe(true);
      const part = await get(`/v2/team/app/blobs/${bottom!.digest}`, { range: "bytes=100-" });
      expect(part.status).toBe(206);
      expect(part.headers.get("content-range")).toBe(
        `bytes 100-${bytes.length - 1}/${bytes.length}`,
      );
      expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(100))).toBe(true);
      const past = await get(`/v2/team/app/blobs/${bottom!.digest}`, { range: "bytes=99999-" });
      expect(past.status).toBe(416);
      expect(await (await get("/v2/team/app/tags/list")).json()).toEqual({
        name: "team/app",
        tags: ["1"],
      });
    });

    it(`refuses what there is not, and what climbs out of a ${name}`, async () => {
      await using registry = await serveRegistry(contents()[name]);
      const paths = [
        "/",
        "/v2/team/app/manifests/2",
        "/v2/other/manifests/1",
        "/v2/other/tags/list",
        `/v2/team/app/blobs/sha256:${"0".repeat(64)}`,
        "/v2/team/app/blobs/sha256:..%2f..%2findex.json",
        "/v2/team/app/manifests/sha256:..%2f..%2findex.json",
      ];
      for (const path of paths) {
        const response = await fetch(registry.url + path);
        expect(response.status, path).toBe(404);
        expect(Object.keys((await response.json()) as object)).toEqual(["errors"]);
      }
      const push = await fetch(`${registry.url}/v2/team/app/blobs/uploads/`, { method: "POST" });
      await push.body?.cancel();
      expect(push.status).toBeGreaterThanOrEqual(404);
    });
  }

  it("listens on this machine alone", async () => {
    await using registry = await serveRegistry(contents().memory);
    expect(registry.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });
});
