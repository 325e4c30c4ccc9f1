// Pushes to Debian's docker-registry, judged by skopeo: programs that know nothing of us.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Machine, machine, noise } from "../engine/pull-machine.ts";
import { busyboxImage } from "../images/busybox.ts";
import { CACHED_TAG } from "../images/cache.ts";
import { writeLayout } from "../images/layout.ts";
import { startRegistry, type TestRegistry } from "../images/registry.ts";
import { tar } from "../images/tar.ts";

/** `ada` with the password `open sesame`, by bcrypt. */
const HTPASSWD = "ada:$2y$04$.rjyCRyXMtJQItAS8BfJJeVzxBDlN9ht/gzIk1BVUbgoPDKkqftJS\n";
const ADA = { kind: "password", username: "ada", password: "open sesame" } as const;

let folder: string;
let source: TestRegistry;
let digest: string;
let here: Machine;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "nacre-push-"));
  const layout = join(folder, "layout");
  const busybox = busyboxImage();
  const large = tar([{ name: "data", content: noise(20_000_000) }]);
  await writeLayout(layout, CACHED_TAG, {
    ...busybox,
    layers: [...busybox.layers, { tar: large, createdBy: "data" }],
  });
  source = await startRegistry();
  digest = await source.push(layout, "team/busybox", "1");
  here = machine();
  await here.images.pull(`${source.address}/team/busybox:1`);
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await source.stop();
  rmSync(folder, { recursive: true, force: true });
});

const skopeo = (...args: string[]): string =>
  execFileSync("skopeo", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const digestOf = (name: string, ...more: string[]): string =>
  skopeo(
    "inspect",
    "--tls-verify=false",
    ...more,
    "--format",
    "{{.Digest}}",
    `docker://${name}`,
  ).trim();

describe("pushing to docker-registry", () => {
  it("gives what skopeo pulls under the digest that was pulled", async () => {
    await using target = await startRegistry();
    const name = `${target.address}/deep/team/busybox:2`;
    here.images.tag(`${source.address}/team/busybox:1`, name);
    expect((await here.sharing.push(name)).digest).toBe(digest);
    expect(digestOf(name)).toBe(digest);
    const copy = `oci:${join(folder, "copied")}:x`;
    skopeo("copy", "--quiet", "--src-tls-verify=false", `docker://${name}`, copy);
  });

  it("mounts what another repository has, and sends parts", async () => {
    const name = `${source.address}/other/busybox:1`;
    here.images.tag(`${source.address}/team/busybox:1`, name);
    here.events.length = 0;
    await here.sharing.push(name);
    const phases = here.events.flatMap((event) => (event.type === "upload" ? [event.phase] : []));
    expect(phases.filter((phase) => phase === "mounted").length).toBeGreaterThan(0);
    expect(phases).not.toContain("sending");
    await using target = await startRegistry();
    const parts = `${target.address}/parts:1`;
    here.images.tag(name, parts);
    await here.sharing.push(parts, { chunkBytes: 3_000_000 });
    expect(digestOf(parts)).toBe(digest);
  });

  /** How much of the large layer each step of a push had sent. */
  const steps = ({ events }: Machine): number[] =>
    events.flatMap((event) =>
      event.type === "upload" && event.phase === "sending" && event.totalBytes > 15_000_000
        ? [event.sentBytes]
        : [],
    );

  it("goes on with the parts that a push before has sent", async () => {
    await using target = await startRegistry();
    const name = `${target.address}/parts:1`;
    here.images.tag(`${source.address}/team/busybox:1`, name);
    const layer = here.images.get(name).image.layers.at(-1)!;
    const uploads = `http://${target.address}/v2/parts/blobs/uploads/`;
    const begun = await fetch(uploads, { method: "POST" });
    const part = readFileSync(here.paths.blob(layer.digest)).subarray(0, 8_000_000);
    const sent = await fetch(begun.headers.get("location")!, {
      ...{ method: "PATCH", body: part, headers: { "content-range": "0-7999999" } },
    });
    expect(sent.status).toBe(202);
    const location = sent.headers.get("location")!;
    const key = `${target.address}/parts@${layer.digest}`;
    const record = { key, location, intent: "ended", updatedMs: Date.now() };
    here.state.write((t) => t.put("upload", key, record));
    here.events.length = 0;
    await here.sharing.push(name);
    expect(steps(here)[0]).toBeGreaterThan(8_000_000);
    expect(digestOf(name)).toBe(digest);
  });

  // What arrives of a part that is cut no state of docker-registry's knows: it forgets the upload.
  it("begins anew where it was broken off within a part", async () => {
    await using target = await startRegistry();
    const name = `${target.address}/parts:2`;
    here.images.tag(`${source.address}/team/busybox:1`, name);
    here.events.length = 0;
    const cutting = new AbortController();
    const pushed = here.sharing.push(name, { chunkBytes: 4_000_000, signal: cutting.signal });
    const watch = setInterval(() => {
      if (steps(here).some((bytes) => bytes > 9_000_000)) cutting.abort();
    }, 1);
    await expect(pushed).rejects.toMatchObject({ kind: "interrupted" });
    clearInterval(watch);
    await using next = machine({ root: here.root, snapshotter: here.snapshotter });
    await next.sharing.push(name, { chunkBytes: 4_000_000 });
    expect(digestOf(name)).toBe(digest);
    expect(next.state.read((t) => t.list("upload"))).toEqual([]);
  });

  it("compresses anew by zstd, gzip and not at all", async () => {
    for (const compression of ["zstd", "none", "gzip"] as const) {
      const name = `${source.address}/made/${compression}:1`;
      here.images.tag(`${source.address}/team/busybox:1`, name);
      const pushed = await here.sharing.push(name, { compression });
      expect(digestOf(name)).toBe(pushed.digest);
      const copy = `oci:${join(folder, compression)}:x`;
      skopeo("copy", "--quiet", "--src-tls-verify=false", `docker://${name}`, copy);
      await here.images.remove(name);
    }
  });

  it("logs in where it must, and says so where it cannot", async () => {
    await using target = await startRegistry({ htpasswd: HTPASSWD });
    const name = `${target.address}/team/busybox:1`;
    await using knows = machine({ credentials: { [target.address]: ADA } });
    await knows.images.pull(`${source.address}/team/busybox:1`);
    knows.images.tag(`${source.address}/team/busybox:1`, name);
    await knows.sharing.push(name);
    expect(digestOf(name, "--creds", "ada:open sesame")).toBe(digest);
    here.images.tag(`${source.address}/team/busybox:1`, name);
    await expect(here.sharing.push(name)).rejects.toMatchObject({ kind: "unauthorized" });
  });
});
