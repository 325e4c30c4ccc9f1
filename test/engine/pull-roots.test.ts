import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { contentOf, machine, sampleImage } from "./pull-machine.ts";

const image = sampleImage({ sizeBytes: 1000 });

describe("the merged root of an image", () => {
  it("is made once a boot and, where it was never flushed, once more after the next", async () => {
    await using registry = await serveRegistry(contentOf({ "1": image }));
    await using here = machine();
    const { root, snapshotter } = here;
    const { image: pulled } = await here.images.pull(`${registry.address}/team/app:1`);
    await here.images.ready(pulled);
    expect(snapshotter.commits).toBe(1);
    await using later = machine({ root, snapshotter, bootId: "next boot" });
    await later.images.ready(pulled);
    await later.images.ready(pulled);
    expect(snapshotter.commits).toBe(2);
  });

  it("stays as it is while a container of this boot stands on it", async () => {
    await using registry = await serveRegistry(contentOf({ "1": image }));
    await using here = machine();
    const { image: pulled } = await here.images.pull(`${registry.address}/team/app:1`);
    const key = `remembering/${pulled.chainIds.at(-1)}`;
    const container = { id: "c", status: "running", imageId: image.id, bootId: "this boot" };
    here.state.write((t) => {
      t.delete("snapshot", key);
      t.put("container", "c", container as unknown as ContainerRecord);
    });
    await here.images.ready(pulled);
    expect(here.snapshotter.commits).toBe(1);
    here.state.write((t) => t.delete("container", "c"));
    await here.images.ready(pulled);
    expect(here.snapshotter.commits).toBe(2);
  });
});
