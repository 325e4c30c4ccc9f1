// Random layers on the real kernel: their image shows what an overlay of them unpacked shows.

import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { tidyLayer } from "../core/layer-arbitrary.ts";
import { tarOf } from "../core/tar-writer.ts";
import { wasmCore } from "../core/wasm-core.ts";
import { ErofsBench, factsOf, withoutLinks } from "./erofs-bench.ts";

const isRoot = process.getuid?.() === 0;

// Only root may mount EROFS.
describe.skipIf(!isRoot)("images of random layers, on the real kernel", () => {
  let bench: ErofsBench;
  beforeAll(() => {
    bench = new ErofsBench("erofs-random");
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.close());

  it("show what overlays of them unpacked show", () => {
    fc.assert(
      fc.property(fc.array(tidyLayer, { minLength: 1, maxLength: 4 }), (layers) => {
        const tars = layers.map((entries) => {
          const bytes = tarOf(...entries);
          return { path: bench.write(bytes), bytes };
        });
        const expected = factsOf(bench.overlay(tars.map(({ path }) => path)));
        const found = factsOf(bench.erofs(wasmCore(), tars));
        bench.clear();
        expect(withoutLinks(found)).toEqual(withoutLinks(expected));
      }),
      { numRuns: 30, interruptAfterTimeLimit: 40_000 },
    );
  });
});
