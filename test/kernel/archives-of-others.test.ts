// Archives of images, given to and taken from programs that know nothing of us.

import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Machine, machine } from "../engine/pull-machine.ts";
import { busyboxImage } from "../images/busybox.ts";
import { CACHED_TAG } from "../images/cache.ts";
import { writeLayout } from "../images/layout.ts";
import { startRegistry } from "../images/registry.ts";
import { tar } from "../images/tar.ts";
import { has, run } from "./programs.ts";

let folder: string;
let layout: string;
let here: Machine;
let id: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "nacre-archives-"));
  layout = join(folder, "layout");
  const busybox = busyboxImage();
  const second = tar([{ name: "etc/motd", content: "a second layer\n" }]);
  await writeLayout(layout, CACHED_TAG, {
    ...busybox,
    layers: [...busybox.layers, { tar: second, createdBy: "motd" }],
  });
  await using registry = await startRegistry();
  await registry.push(layout, "team/busybox", "1");
  here = machine();
  const { reference, image } = await here.images.pull(`${registry.address}/team/busybox:1`);
  id = image.id;
  here.images.tag(reference, "own/busybox:1");
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function saved(name: string, options = {}): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, here.sharing.save(["own/busybox:1"], options));
  return path;
}

describe("skopeo", () => {
  it("reads what is saved as docker's archive and as an OCI one, with the digest it had", async () => {
    const path = await saved("both.tar");
    const inspect = (what: string) => JSON.parse(run("skopeo", "inspect", what));
    const pulled = here.images.get("own/busybox:1").image.manifestDigest;
    expect(inspect(`oci-archive:${path}:1`).Digest).toBe(pulled);
    const target = `oci:${join(folder, "from-docker")}:x`;
    run("skopeo", "copy", "-q", `docker-archive:${path}:own/busybox:1`, target);
    expect(JSON.parse(run("skopeo", "inspect", "--config", "--raw", target))).toMatchObject({
      rootfs: { diff_ids: here.images.get(id).image.config.rootfs.diff_ids },
    });
  });

  it.each(["docker-archive", "oci-archive"])("writes %s that is loaded", async (kind) => {
    const path = join(folder, `${kind}.tar`);
    run("skopeo", "copy", "-q", `oci:${layout}:${CACHED_TAG}`, `${kind}:${path}:given/box:2`);
    await using there = machine();
    const [loaded] = await there.sharing.load(createReadStream(path));
    expect(loaded).toMatchObject({ id, references: ["docker.io/given/box:2"] });
    expect(there.images.get(id).image.passwd).toBe(here.images.get(id).image.passwd);
  });
});

// Podman is no part of what the tests need.
describe.skipIf(!has("podman"))("podman", () => {
  const podman = (...args: string[]) =>
    run("podman", "--root", join(folder, "podman"), "--runroot", join(folder, "run"), ...args);

  it("loads what is saved, and saves what is loaded", async () => {
    expect(podman("load", "-q", "-i", await saved("podman.tar"))).toContain("own/busybox:1");
    expect(podman("image", "inspect", "--format", "{{.Id}}", "own/busybox:1").trim()).toBe(
      id.slice(7),
    );
    for (const format of ["docker-archive", "oci-archive"]) {
      const path = join(folder, `podman-${format}.tar`);
      podman("save", "-q", "--format", format, "-o", path, "own/busybox:1");
      await using there = machine();
      const [loaded] = await there.sharing.load(createReadStream(path));
      expect(loaded!.id).toBe(id);
      expect(loaded!.references).toContain("docker.io/own/busybox:1");
    }
    podman("rmi", "-a", "-f");
  });
});
