import { rmSync } from "node:fs";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { mergeLayers } from "@nacre/engine/snapshotters/stored-layers.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import {
  contentOf,
  machine,
  RememberingSnapshotter,
  sampleImage,
  testCore,
} from "./pull-machine.ts";

const image = sampleImage({ sizeBytes: 1000 });

class CountingFiles extends LinuxFiles {
  readonly indexes: string[] = [];
  override readBytes(path: string): Uint8Array<ArrayBuffer> {
    if (path.endsWith(".idx")) this.indexes.push(path);
    return super.readBytes(path);
  }
}

describe("the merged root of an image", () => {
  it("is merged once, for what is mounted and for its accounts", async () => {
    const files = new CountingFiles();
    class Merging extends RememberingSnapshotter {
      override commit(chainId: string, layers: readonly StoredLayer[]) {
        mergeLayers(testCore, files, layers);
        return super.commit(chainId, layers);
      }
    }
    await using registry = await serveRegistry(contentOf({ "1": image }));
    await using here = machine({ files, snapshotter: new Merging() });
    const { image: pulled } = await here.images.pull(`${registry.address}/team/app:1`);
    expect(pulled.passwd).toContain("ada");
    expect(files.indexes).toHaveLength(pulled.layers.length);
  });

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

  it("is not made of a layer that is gone, and that layer is named wherever it stands", async () => {
    await using registry = await serveRegistry(contentOf({ "1": image }));
    await using here = machine();
    const { image: pulled } = await here.images.pull(`${registry.address}/team/app:1`);
    const [bottom, top] = image.diffIds as [string, string];
    rmSync(here.paths.layerTar(top));
    for (const diffIds of [
      [bottom, top],
      [bottom, bottom, top, bottom],
      [top, bottom],
    ]) {
      const config = { ...pulled.config, rootfs: { type: "layers", diff_ids: diffIds } as const };
      await expect(here.images.ready({ ...pulled, config })).rejects.toMatchObject({
        kind: "corrupt",
        message: `the stored layer ${top} was damaged or is gone`,
      });
    }
  });
});
