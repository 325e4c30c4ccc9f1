// Artifacts, signatures and indexes against registries of others' and our own: Debian's
// docker-registry, which has no referrers API, and `nacre registry serve`, which has one. skopeo is
// the judge where it can be.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Machine, machine } from "../engine/pull-machine.ts";
import { busyboxImage } from "../images/busybox.ts";
import { CACHED_TAG } from "../images/cache.ts";
import { writeLayout } from "../images/layout.ts";
import { startRegistry, type TestRegistry } from "../images/registry.ts";
import { type Served, served } from "./served.ts";

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const file = (name: string, text: string) => ({ name, bytes: new TextEncoder().encode(text) });

let folder: string;
let layout: string;
let debian: TestRegistry;
let own: Served;
let here: Machine;
let there: Machine;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "nacre-artifacts-"));
  layout = join(folder, "layout");
  await writeLayout(layout, CACHED_TAG, busyboxImage());
  debian = await startRegistry();
  own = await served(join(folder, "served"));
  here = machine();
  there = machine();
}, 60_000);
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await there[Symbol.asyncDispose]();
  await own.stop();
  await debian.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  ["docker-registry", () => debian.address, false],
  ["nacre registry serve", () => own.address, true],
] as const)("with %s", (_, address, api) => {
  const name = (path: string) => `${address()}/${path}`;
  const skopeo = (command: string, ...args: string[]) =>
    run("skopeo", command, "--tls-verify=false", ...args);

  it("artifacts are pushed, and pulled elsewhere with their files", async () => {
    const model = name("team/model:1");
    const files = [file("weights.bin", "heavy"), file("README", "read me")];
    const digest = await here.artifacts.add(model, files, { type: "application/vnd.test.model" });
    expect(await here.artifacts.push(model)).toBe(digest);
    const raw = JSON.parse(skopeo("inspect", "--raw", `docker://${model}`));
    expect(raw).toMatchObject({ artifactType: "application/vnd.test.model" });
    expect(await there.artifacts.pull(model)).toBe(digest);
    const listing = await there.artifacts.get(model);
    expect(listing.files.map((one) => one.name)).toEqual(["weights.bin", "README"]);
    let text = "";
    for await (const part of there.artifacts.read(model, "README")) text += Buffer.from(part);
    expect(text).toBe("read me");
  });

  it("what is about an image is found: by the API or the tag that stands for it, and cosign's", async () => {
    const app = name("team/app:1");
    const source = `oci:${layout}:${CACHED_TAG}`;
    run("skopeo", "copy", "-q", "--dest-tls-verify=false", source, `docker://${app}`);
    const digest = skopeo("inspect", "--format", "{{.Digest}}", `docker://${app}`).trim();
    const made = new Map<string, string>();
    for (const kind of ["report", "list"]) {
      const options = { type: `application/vnd.test.${kind}`, subject: app };
      const referrer = name(`team/app:${kind}`);
      made.set(await here.artifacts.add(referrer, [file(kind, kind)], options), options.type);
      await here.artifacts.push(referrer);
    }
    // As cosign has named signatures since before there were referrers.
    const signature = name(`team/app:${digest.replace(":", "-")}.sig`);
    const signed = await here.artifacts.add(signature, [file("payload", "signed")]);
    await here.artifacts.push(signature);
    const found = await there.artifacts.referrers(app);
    expect(new Map(found.map((one) => [one.digest, one.type]))).toEqual(
      new Map([...made, [signed, "cosign sig"]]),
    );
    const tags = skopeo("list-tags", `docker://${name("team/app")}`);
    expect(tags.includes(`"${digest.replace(":", "-")}"`)).toBe(!api);
  });

  it("an index that was made here is what skopeo sees, and runs nowhere but where it suits", async () => {
    const app = name("team/app:1");
    const list = name("other/list:1");
    const { digest, entries } = await here.indexes.create(list, [`docker://${app}`]);
    await here.indexes.annotate(list, entries[0]!.digest, { annotations: { by: "ada" } });
    const pushed = await here.indexes.push(list);
    expect(pushed.digest).not.toBe(digest);
    const raw = JSON.parse(skopeo("inspect", "--raw", `docker://${list}`));
    expect(raw.manifests).toEqual([
      expect.objectContaining({ digest: entries[0]!.digest, annotations: { by: "ada" } }),
    ]);
    // Its own repository has all of it: nothing is left to be had from the other.
    const copy = `oci:${join(folder, api ? "own" : "debian")}:x`;
    run("skopeo", "copy", "-q", "--all", "--src-tls-verify=false", `docker://${list}`, copy);
    await here.indexes.remove(list);
  });
});

it("an index goes from one registry to the other", async () => {
  const target = `${own.address}/copied/list:1`;
  await here.indexes.create("both", [`docker://${debian.address}/team/app:1`]);
  const { digest } = await here.indexes.push("both", { target, purge: true });
  expect(
    run(
      "skopeo",
      "inspect",
      "--tls-verify=false",
      "--format",
      "{{.Digest}}",
      `docker://${target}`,
    ).trim(),
  ).not.toBe("");
  expect((await there.images.pull(target)).digest).toBe(digest);
  expect((await there.check()).found).toEqual([]);
});
