import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { buildImage } from "@nacre/plugin-registry/image-builder.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { AMD64, contentOf, type Machine, machine, noise, sampleImage } from "./pull-machine.ts";

const image = sampleImage();
const shared = tar([{ name: "shared", content: noise(10_000, 3) }]);
const one = buildImage({ layers: [{ tar: shared }], platform: AMD64 });
const two = buildImage({
  layers: [{ tar: shared }, { tar: tar([{ name: "own", content: "own" }]) }],
  platform: AMD64,
});

/** Pulls tags of team/app from a registry that is gone afterwards; returns the repository. */
async function pullAll(here: Machine, images: Parameters<typeof contentOf>[0]): Promise<string> {
  await using registry = await serveRegistry(contentOf(images));
  for (const tag of Object.keys(images)) {
    await here.images.pull(`${registry.address}/team/app:${tag}`);
  }
  return `${registry.address}/team/app`;
}

function addContainer(here: Machine, imageId: string): void {
  const record = { id: "c1", name: "quiet_whelk", imageId, status: "exited" };
  here.state.write((t) => t.put("container", "c1", record as unknown as ContainerRecord));
}

describe("an image", () => {
  it("is found by tag, digest, ID and the beginning of an ID", async () => {
    await using here = machine();
    const app = await pullAll(here, { latest: image, "2": two });
    const digest = image.manifestDescriptor.digest;
    const id = image.id.slice(7);
    const names = [app, `${app}:latest`, `${app}@${digest}`, digest, image.id, id, id.slice(0, 12)];
    for (const name of [...names, image.id.slice(0, 20)]) {
      expect(here.images.get(name).image.id, name).toBe(image.id);
    }
    expect(here.images.get(`${app}:2`).references).toEqual([
      { reference: `${app}:2`, digest: two.manifestDescriptor.digest },
    ]);
    for (const name of ["debian", `${app}:3`, "0".repeat(64), "../../etc", "--help", "a b\u001b"]) {
      const get = () => here.images.get(name);
      expect(get, name).toThrow(expect.objectContaining({ kind: "not-found" }));
    }
  });

  it("is listed newest first, without a name when its tag has moved on", async () => {
    await using here = machine();
    await using registry = await serveRegistry(contentOf({ "1": one }));
    await using moved = await serveRegistry(contentOf({ "1": two }));
    await here.images.pull(`${registry.address}/team/app:1`);
    await here.images.pull(`${moved.address}/team/app:1`);
    expect(here.images.list().map((l) => l.references.length)).toEqual([1, 1]);
    here.state.write((t) => t.delete("tag", `${registry.address}/team/app:1`));
    const dangling = here.images.list().filter((l) => l.references.length === 0);
    expect(dangling.map((l) => l.image.id)).toEqual([one.id]);
  });

  it("shows its layers, which of them gives a path, and what that hides", async () => {
    await using here = machine();
    const app = await pullAll(here, { "1": image });
    const { layers, wastedBytes } = await here.images.layers(`${app}:1`);
    expect(layers.map(({ createdBy, entries }) => [createdBy, entries])).toEqual([
      ["base", 3],
      ["accounts", 3],
    ]);
    expect(layers[0]?.visibleBytes).toBe(300_000);
    expect(wastedBytes).toBe("old\n".length);
    expect(await here.images.path(`${app}:1`, "/etc/passwd")).toEqual({
      path: "/etc/passwd",
      type: "symlink",
      mode: 0o777,
      sizeBytes: 0,
      layer: 2,
      hides: [{ layer: 1, type: "file", sizeBytes: 4 }],
    });
    await expect(here.images.path(`${app}:1`, "/nowhere")).rejects.toMatchObject({
      kind: "not-found",
    });
  });
});

describe("removing an image", () => {
  it("by its last name deletes what no other image needs, and nothing else", async () => {
    await using here = machine();
    const app = await pullAll(here, { "1": one, "2": two });
    const removed = await here.images.remove(`${app}:2`);
    expect(removed.untagged).toEqual([`${app}:2`]);
    expect(removed.deleted[0]).toBe(two.id);
    expect(here.images.list().map((l) => l.image.id)).toEqual([one.id]);
    expect(Object.keys(here.files())).toHaveLength(one.blobs.size + 2);
    await here.images.remove(`${app}:1`);
    expect(here.files()).toEqual({});
    expect(here.snapshotter.committed.size).toBe(0);
    const kinds = ["image", "tag", "blob", "layer", "snapshot"] as const;
    expect(here.state.read((t) => kinds.flatMap((kind) => t.list(kind) as unknown[]))).toEqual([]);
    const actions = here.state.events(0, 100).map((event) => event.action);
    expect(actions).toEqual(["pull", "pull", "untag", "delete", "untag", "delete"]);
  });

  it("by one of several names takes that name only; by ID it wants force", async () => {
    await using here = machine();
    const app = await pullAll(here, { "1": one, also: one });
    here.images.tag(`${app}:also`, "mine");
    await expect(here.images.remove(one.id)).rejects.toMatchObject({
      kind: "conflict",
      message: expect.stringContaining(`${app}:also, mine:latest`),
    });
    await here.images.remove("mine");
    expect((await here.images.remove(`${app}:also`)).deleted).toEqual([]);
    expect(here.images.get(`${app}:1`).references).toHaveLength(1);
    const again = await pullAll(here, { "1": one });
    expect(again).not.toBe(app);
    const { untagged } = await here.images.remove(one.id, { force: true });
    expect(untagged).toHaveLength(2);
    expect(here.files()).toEqual({});
  });

  it("by ID wants no force for a tag and digests of one repository", async () => {
    await using registry = await serveRegistry(contentOf({ "1": one }));
    await using here = machine();
    const app = `${registry.address}/team/app`;
    for (const name of [`${app}:1`, `${app}@${one.manifestDescriptor.digest}`]) {
      await here.images.pull(name);
    }
    expect((await here.images.remove(one.id)).untagged).toHaveLength(2);
    expect(here.files()).toEqual({});
  });

  it("is refused while a container needs it; forced, it only takes the name", async () => {
    await using here = machine();
    const app = await pullAll(here, { "1": one });
    addContainer(here, one.id);
    await expect(here.images.remove(`${app}:1`)).rejects.toMatchObject({
      kind: "in-use",
      message: expect.stringContaining("quiet_whelk"),
    });
    expect(await here.images.remove(`${app}:1`, { force: true })).toEqual({
      untagged: [`${app}:1`],
      deleted: [],
    });
    expect(here.images.get(one.id).references).toEqual([]);
  });
});

describe("a sweep", () => {
  it("is chosen by docker's filters", async () => {
    await using here = machine();
    const made = (created: string, Labels: Record<string, string>) =>
      buildImage({ layers: [{ tar: shared }], platform: AMD64, created, process: { Labels } });
    const old = made("2020-01-01T00:00:00Z", { team: "a" });
    const young = made("2024-01-01T00:00:00Z", { team: "b", kept: "" });
    const app = await pullAll(here, { old, young });
    here.images.tag(`${app}:young`, "team/young:1");
    const names = (filters: Record<string, string[]>, more = {}) =>
      here.images
        .list({ filters, ...more })
        .flatMap(({ references }) => references.map(({ reference }) => reference))
        .sort();
    const all = [`${app}:old`, `${app}:young`, "docker.io/team/young:1"];
    expect(names({})).toEqual(all);
    expect(names({ reference: ["team/*"] })).toEqual([all[2]]);
    expect(names({ reference: ["team/*:2", "*/*/app:o*"] })).toEqual([all[0]]);
    expect(names({ label: ["team=a"] })).toEqual([all[0]]);
    expect(names({ label: ["kept"] })).toEqual(all.slice(1));
    expect(names({ "label!": ["kept"] })).toEqual([all[0]]);
    expect(names({ before: [`${app}:young`] })).toEqual([all[0]]);
    expect(names({ since: [old.id] })).toEqual(all.slice(1));
    expect(names({}, { untilMs: Date.parse("2021-01-01") })).toEqual([all[0]]);
    expect(names({ dangling: ["true"] })).toEqual([]);
    expect(names({ dangling: ["false"] })).toEqual(all);
    for (const filters of [{ colour: ["red"] }, { dangling: ["perhaps"] }]) {
      expect(() => names(filters as never)).toThrow(expect.objectContaining({ kind: "invalid" }));
    }
    expect(() => names({ since: ["nobody"] })).toThrow(/No such image: nobody:latest/);
  });

  it("removes what belongs to no image, but not while somebody pulls", async () => {
    await using here = machine();
    const app = await pullAll(here, { "1": one, "2": two });
    const before = here.files();
    expect((await here.images.sweep()).freedBytes).toBe(0);
    expect(here.files()).toEqual(before);
    here.state.write((t) => {
      t.delete("image", two.id);
      t.delete("tag", `${app}:2`);
      const process = { pid: 1, startTime: "1" };
      const intent = { kind: "pull", subject: "x", process, begunMs: 0, paths: [] } as const;
      t.put("intent", "pull-1", { id: "pull-1", ...intent });
    });
    expect((await here.images.sweep()).freedBytes).toBe(0);
    expect(here.files()).toEqual(before);
    here.state.write((t) => t.delete("intent", "pull-1"));
    expect((await here.images.sweep()).freedBytes).toBeGreaterThan(0);
    expect(Object.keys(here.files())).toHaveLength(one.blobs.size + 2);
  });
});
