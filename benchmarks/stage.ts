// What most benchmarks stand on: a fresh disk, cgroups as peers want them, a registry with its
// blobs in memory. Torn down in reverse, whatever happened in between.

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CACHED_TAG } from "../test/images/cache.ts";
import { type ImageSpec, writeLayout } from "../test/images/layout.ts";
import { startRegistry, type TestRegistry } from "../test/images/registry.ts";
import { type FreshDisk, freshDisk } from "./fresh-disk.ts";
import { prepareCgroups } from "./peers/cgroups.ts";

export interface Stage extends AsyncDisposable {
  readonly disk: FreshDisk;
  readonly registry: TestRegistry;
  /** Pushes an image; its reference and the digest of its manifest. */
  publish(name: string, image: ImageSpec): Promise<{ reference: string; digest: string }>;
}

const MEMORY = "/dev/shm";

export async function openStage(): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  stack.use(prepareCgroups());
  const disk = stack.use(freshDisk());
  const registry = stack.use(await startRegistry({ folder: MEMORY }));
  const publish = async (name: string, image: ImageSpec) => {
    const layout = mkdtempSync(join(MEMORY, "nacre-layout-"));
    try {
      await writeLayout(layout, CACHED_TAG, image);
      const digest = await registry.push(layout, name);
      return { reference: `${registry.address}/${name}:latest`, digest };
    } finally {
      rmSync(layout, { recursive: true });
    }
  };
  const owned = stack.move();
  return { disk, registry, publish, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
