// Images of random layers, and damaged ones, on both kernels: they show the same, and refuse alike.

import { readdirSync, readFileSync } from "node:fs";
import { errnoNamed } from "@nacre/simulated/errno.ts";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { tidyLayer } from "../core/layer-arbitrary.ts";
import { tarOf } from "../core/tar-writer.ts";
import { DAMAGES, HIDDEN_DAMAGES } from "../simulation/erofs-damage.ts";
import { factsOfInode, imageOf, mountImage } from "../simulation/erofs-machine.ts";
import { ErofsBench, factsOf } from "./erofs-bench.ts";

const isRoot = process.getuid?.() === 0;

/** The name of the error that something ended with, in this process or in mount-erofs.py. */
function errnoOf(use: () => void): string {
  try {
    use();
  } catch (error) {
    const { errno, stderr } = error as NodeJS.ErrnoException & { readonly stderr?: unknown };
    const said = /\[Errno (\d+)\]/.exec(String(stderr))?.[1] ?? -(errno ?? 0);
    // Node has no names for some of them.
    return errnoNamed(Number(said)) ?? `${said}`;
  }
  return "nothing";
}

// Only root may mount EROFS.
describe.skipIf(!isRoot)("images on the real kernel and on the simulated one", () => {
  let bench: ErofsBench;
  beforeAll(() => {
    bench = new ErofsBench("erofs-simulated");
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.close());

  const mountReal = (image: Uint8Array, devices: readonly Uint8Array[]): string =>
    bench.mountErofs(
      image,
      devices.map((bytes) => bench.write(bytes)),
    );

  it("show the same, whatever the layers", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(tidyLayer, { minLength: 1, maxLength: 4 }), async (layers) => {
        const { image, devices } = imageOf(...layers.map((entries) => tarOf(...entries)));
        const real = factsOf(mountReal(image, devices));
        bench.clear();
        expect(factsOfInode(await mountImage(image, devices))).toEqual(real);
      }),
      { numRuns: 30, interruptAfterTimeLimit: 60_000 },
    );
  });

  it.each(DAMAGES)("are refused for $what", ({ image, devices, errno }) => {
    expect(errnoOf(() => mountReal(image, devices))).toBe(errno);
  });

  it.each(HIDDEN_DAMAGES)("are mounted, and found out by who looks at $what", (damage) => {
    const root = mountReal(damage.image, damage.devices);
    const use = () => (damage.use === "list" ? readdirSync(root) : readFileSync(`${root}/f`));
    expect(errnoOf(use)).toBe(damage.errno);
  });
});
