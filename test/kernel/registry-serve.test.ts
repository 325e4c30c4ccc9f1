// `nacre registry serve` as programs have it that know nothing of us: skopeo, and docker and podman
// where they are.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { busyboxImage } from "../images/busybox.ts";
import { CACHED_TAG } from "../images/cache.ts";
import { writeLayout } from "../images/layout.ts";
import { tar } from "../images/tar.ts";
import { Bench, NACRE } from "./engine-bench.ts";
import { has, run } from "./programs.ts";

let bench: Bench;
let folder: string;
let layout: string;
let server: ReturnType<typeof spawn>;
let address: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "nacre-serve-"));
  layout = join(folder, "layout");
  const busybox = busyboxImage();
  const second = tar([{ name: "etc/motd", content: "a second layer\n" }]);
  await writeLayout(layout, CACHED_TAG, {
    ...busybox,
    layers: [...busybox.layers, { tar: second, createdBy: "motd" }],
  });
  bench = await Bench.make();
  const words = ["--root", bench.root, "registry", "serve", "--address", "127.0.0.1:0"];
  server = spawn(NACRE, words, { stdio: ["ignore", "pipe", "inherit"] });
  address = await new Promise<string>((resolve, reject) => {
    let text = "";
    server.once("exit", () => reject(new Error(`it ended: ${text}`)));
    server.stdout?.on("data", (bytes) => {
      text += String(bytes);
      const found = /Serving images at http:\/\/(\S+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
});
afterAll(async () => {
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  expect(await ended).toBe(0);
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("nacre registry serve", () => {
  it("takes what skopeo pushes, which runs, and gives it back with its digest", async () => {
    const name = `docker://${address}/given/busybox:1`;
    run("skopeo", "copy", "-q", "--dest-tls-verify=false", `oci:${layout}:${CACHED_TAG}`, name);
    const { stdout } = await bench.nacre(["run", "--rm", "given/busybox:1", "cat", "/etc/motd"]);
    expect(stdout).toBe("a second layer\n");
    const target = `oci:${join(folder, "back")}:x`;
    run("skopeo", "copy", "-q", "--src-tls-verify=false", name, target);
    const digest = (what: string, ...more: string[]) =>
      run("skopeo", "inspect", ...more, "--format", "{{.Digest}}", what);
    expect(digest(target)).toBe(digest(`oci:${layout}:${CACHED_TAG}`));
    expect(run("skopeo", "list-tags", "--tls-verify=false", name.replace(/:1$/, ""))).toContain(
      '"1"',
    );
    run("skopeo", "delete", "--tls-verify=false", name);
    expect((await bench.nacre(["image", "inspect", "given/busybox:1"])).code).toBe(1);
  });

  // Podman is no part of what the tests need.
  it.skipIf(!has("podman"))("takes from podman and gives to it", async () => {
    const podman = (...args: string[]) =>
      run(
        "podman",
        ...["--root", join(folder, "podman"), "--runroot", join(folder, "run")],
        ...["--storage-driver", "vfs", ...args],
      );
    const name = `${address}/from/podman:1`;
    const archive = join(folder, "busybox.tar");
    run("skopeo", "copy", "-q", `oci:${layout}:${CACHED_TAG}`, `docker-archive:${archive}`);
    podman("load", "-q", "-i", archive);
    const id = podman("images", "-q", "--no-trunc").trim();
    podman("push", "-q", "--tls-verify=false", id, name);
    podman("rmi", "-a", "-f");
    podman("pull", "-q", "--tls-verify=false", name);
    expect(podman("images", "-q", "--no-trunc").trim()).toBe(id);
    expect((await bench.nacre(["images", "-q", "--no-trunc", "from/podman:1"])).stdout.trim()).toBe(
      id,
    );
    podman("rmi", "-a", "-f");
  });
});
