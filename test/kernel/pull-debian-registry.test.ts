// Against Debian's docker-registry, filled by skopeo: programs that know nothing of us.

import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MEDIA } from "@nacre/core/oci/image.ts";
import { HostCredentials } from "@nacre/linux/credentials.ts";
import { LayoutContent } from "@nacre/plugin-registry/content.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { machine } from "../engine/pull-machine.ts";
import { busyboxImage } from "../images/busybox.ts";
import { CACHED_TAG } from "../images/cache.ts";
import { type WrittenImage, writeLayout } from "../images/layout.ts";
import { startRegistry, type TestRegistry } from "../images/registry.ts";
import { tar } from "../images/tar.ts";

/** `ada` with the password `open sesame`, by bcrypt. */
const HTPASSWD = "ada:$2y$04$.rjyCRyXMtJQItAS8BfJJeVzxBDlN9ht/gzIk1BVUbgoPDKkqftJS\n";

let folder: string;
let layout: string;
let image: WrittenImage;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "nacre-debian-registry-"));
  layout = join(folder, "layout");
  const busybox = busyboxImage();
  const second = tar([{ name: "etc/motd", content: "a second layer\n" }]);
  image = await writeLayout(layout, CACHED_TAG, {
    ...busybox,
    layers: [...busybox.layers, { tar: second, createdBy: "motd" }],
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function skopeo(...args: string[]): string {
  return execFileSync("skopeo", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Copies the image within the registry in another form; returns the digest as skopeo reports it. */
function convert(registry: TestRegistry, tag: string, ...options: string[]): string {
  const target = `docker://${registry.address}/team/busybox:${tag}`;
  const tls = "--dest-tls-verify=false";
  skopeo("copy", "--quiet", tls, ...options, `oci:${layout}:${CACHED_TAG}`, target);
  return skopeo("inspect", "--tls-verify=false", "--format", "{{.Digest}}", target).trim();
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest("hex")}`;
}

describe("pulling from Debian's docker-registry", () => {
  it("gives the digest that skopeo reports, and the tars that the layers are", async () => {
    await using registry = await startRegistry({ folder });
    const digest = await registry.push(layout, "team/busybox", "oci");
    expect(digest).toBe(image.digest);
    await using here = machine();
    const pulled = await here.images.pull(`${registry.address}/team/busybox:oci`);
    expect(pulled.digest).toBe(digest);
    expect(pulled.image.id).toBe(image.configDigest);
    expect(pulled.image.config.rootfs.diff_ids).toEqual(image.diffIds);
    for (const diffId of image.diffIds) {
      expect(await sha256(here.paths.layerTar(diffId))).toBe(diffId);
    }
    for (const { digest: blob } of pulled.image.layers) {
      expect(await sha256(here.paths.blob(blob))).toBe(blob);
    }
    expect(pulled.image.passwd).toMatch(/^user:x:1000/m);
    expect(pulled.image.manifestMediaType).toBe(MEDIA.ociManifest);
    const again = await here.images.pull(`${registry.address}/team/busybox@${digest}`);
    expect(again.image).toEqual(pulled.image);
  });

  it("reads schema 2, and layers by zstd", async () => {
    await using registry = await startRegistry({ folder });
    const docker = convert(registry, "docker", "--format", "v2s2");
    // skopeo compresses anew only what it finds plain.
    const plain = join(folder, "plain");
    const busybox = busyboxImage();
    await writeLayout(plain, CACHED_TAG, {
      ...busybox,
      layers: busybox.layers.map((layer) => ({ ...layer, compression: "none" as const })),
    });
    // Where the gzip form is known, skopeo would take that.
    await using fresh = await startRegistry({ folder });
    const zstdTarget = `docker://${fresh.address}/team/busybox:zstd`;
    const zstd = ["--dest-compress-format", "zstd", "--dest-tls-verify=false", "--format", "oci"];
    skopeo("copy", "--quiet", ...zstd, `oci:${plain}:${CACHED_TAG}`, zstdTarget);
    await using here = machine();
    const first = await here.images.pull(`${registry.address}/team/busybox:docker`);
    expect(first.digest).toBe(docker);
    expect(first.image.manifestMediaType).toBe(MEDIA.dockerManifest);
    await using there = machine();
    const second = await there.images.pull(`${fresh.address}/team/busybox:zstd`);
    expect(second.image.layers[0]?.mediaType).toBe(MEDIA.ociLayerZstd);
    expect(second.image.config.rootfs.diff_ids[0]).toBe(image.diffIds[0]);
    expect(second.digest).toBe(
      skopeo("inspect", "--tls-verify=false", "--format", "{{.Digest}}", zstdTarget).trim(),
    );
  });

  it("logs in with Basic, from config.json or by a credential helper", async () => {
    const credentials = "ada:open sesame";
    await using registry = await startRegistry({ folder, htpasswd: HTPASSWD, credentials });
    const reference = `${registry.address}/team/busybox:1`;
    await registry.push(layout, "team/busybox", "1");
    const home = mkdtempSync(join(folder, "home-"));
    const store = new HostCredentials({ DOCKER_CONFIG: home, PATH: `${home}:/usr/bin:/bin` });
    const configure = (config: object) =>
      writeFileSync(join(home, "config.json"), JSON.stringify(config));

    await using nobody = machine({ credentials: store });
    await expect(nobody.images.pull(reference)).rejects.toMatchObject({ kind: "unauthorized" });
    const wrong = Buffer.from("ada:open barley").toString("base64");
    configure({ auths: { [registry.address]: { auth: wrong } } });
    await expect(nobody.images.pull(reference)).rejects.toMatchObject({
      kind: "unauthorized",
      advice: `Log in again: nacre login ${registry.address}`,
    });
    const auth = Buffer.from(credentials).toString("base64");
    configure({ auths: { [registry.address]: { auth } } });
    expect((await nobody.images.pull(reference)).image.id).toBe(image.configDigest);

    const helper = join(home, "docker-credential-cave");
    const answer = JSON.stringify({ Username: "ada", Secret: "open sesame" });
    writeFileSync(
      helper,
      `#!/bin/sh\nread server\n[ "$server" = "${registry.address}" ] && echo '${answer}'\n`,
    );
    chmodSync(helper, 0o755);
    configure({ credHelpers: { [registry.address]: "cave" } });
    await using helped = machine({ credentials: store });
    expect((await helped.images.pull(reference)).image.id).toBe(image.configDigest);
  });

  it("is what skopeo does with our own registry, too", async () => {
    // Not in our process's way: the registry answers from it.
    const run = promisify(execFile);
    await using registry = await serveRegistry(new LayoutContent(layout, "team/busybox"));
    const source = `docker://${registry.address}/team/busybox:${CACHED_TAG}`;
    const format = ["--tls-verify=false", "--format", "{{.Digest}}"];
    const inspected = await run("skopeo", ["inspect", ...format, source], { timeout: 60_000 });
    expect(inspected.stdout.trim()).toBe(image.digest);
    const copy = join(folder, "copy");
    const arguments_ = ["copy", "--quiet", "--src-tls-verify=false", source, `oci:${copy}:1`];
    await run("skopeo", arguments_, { timeout: 60_000 });
    for (const { digest: blob } of image.layers) {
      expect(await sha256(join(copy, "blobs", ...blob.split(":")))).toBe(blob);
    }
  });

  it("notices a blob that was damaged in the registry's storage", async () => {
    await using registry = await startRegistry({ folder });
    await registry.push(layout, "team/busybox", "1");
    const [bottom] = image.layers;
    const hex = bottom!.digest.slice(7);
    const path = join(
      registry.storage,
      "docker/registry/v2/blobs/sha256",
      hex.slice(0, 2),
      hex,
      "data",
    );
    expect(existsSync(path)).toBe(true);
    writeFileSync(path, Buffer.alloc(bottom!.size, 7));
    await using here = machine();
    const pull = here.images.pull(`${registry.address}/team/busybox:1`);
    await expect(pull).rejects.toMatchObject({
      kind: "corrupt",
      message: expect.stringContaining(bottom!.digest),
    });
    expect(here.files()).toEqual({});
    expect(readdirSync(here.root).every((name) => !name.includes("tmp"))).toBe(true);
  });

  it("says that a tag, or a whole repository, is unknown", async () => {
    await using registry = await startRegistry({ folder });
    await registry.push(layout, "team/busybox", "1");
    await using here = machine();
    for (const name of ["team/busybox:2", "team/nothing:1"]) {
      await expect(here.images.pull(`${registry.address}/${name}`)).rejects.toMatchObject({
        kind: "not-found",
        message: expect.stringMatching(/is unknown to the registry .*manifest unknown/),
      });
    }
  });
});
