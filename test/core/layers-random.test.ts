// Random layers: both builds of the core agree on everything, and nothing hostile makes one trap.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tidyLayer, wildLayer } from "./layer-arbitrary.ts";
import { indexOf, plain, treeOf } from "./layer-support.ts";
import { portableCore } from "./portable.ts";
import { tarOf } from "./tar-writer.ts";
import { wasmCore } from "./wasm-core.ts";

const layers = fc.array(fc.oneof(tidyLayer, wildLayer), { minLength: 1, maxLength: 4 });

/** All that a tree says, or why there is none. */
function everything(core: Core, tars: readonly Uint8Array[]): unknown {
  let tree: ImageTree;
  try {
    tree = treeOf(core, ...tars);
  } catch (error) {
    // Anything else, a trap above all, is a defect.
    if (error instanceof NacreError) return `${error.kind}: ${error.message}`;
    throw error;
  }
  const merged = [...tree.entries()];
  const { image, spill, spillBytes } = tree.erofs();
  return {
    merged: merged.map((entry) => ({ ...plain(entry), layer: entry.layer, links: entry.links })),
    own: tars.map((_, layer) => [...tree.layerEntries(layer)].map(plain)),
    history: merged.map((entry) => tree.layersOf(entry.pathBytes)),
    found: merged.map((entry) => tree.lookup(entry.pathBytes, true)?.path),
    sizes: tree.layerSizes(),
    image: Buffer.from(image).toString("base64"),
    spill,
    spillBytes,
  };
}

describe("random layers", { timeout: 60_000 }, () => {
  it("are the same to both builds, whatever the chunks", () => {
    fc.assert(
      fc.property(layers, fc.integer({ min: 1, max: 2000 }), (entries, step) => {
        const tars = entries.map((layer) => tarOf(...layer));
        expect(everything(portableCore(), tars)).toEqual(everything(wasmCore(), tars));
        const index = (core: Core, size: number) => {
          try {
            return Buffer.from(indexOf(core, tars[0]!, size)).toString("hex");
          } catch (error) {
            return (error as Error).message;
          }
        };
        const whole = index(wasmCore(), 1 << 20);
        expect(index(wasmCore(), step)).toBe(whole);
        expect(index(portableCore(), step)).toBe(whole);
      }),
      { numRuns: 100 },
    );
  });

  it("are refused or read when bytes are changed, and never trap", () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(tidyLayer, fc.array(change, { minLength: 1, maxLength: 6 }), (layer, changes) => {
        const tar = tarOf(...layer);
        for (const [at, value] of changes) tar[at % tar.length] = value;
        resign(tar);
        expect(everything(portableCore(), [tar])).toEqual(everything(wasmCore(), [tar]));
      }),
      { numRuns: 100 },
    );
  });

  it("merge to trees without whiteouts, whose links and sizes add up", () => {
    fc.assert(
      fc.property(fc.array(tidyLayer, { minLength: 1, maxLength: 4 }), (entries) => {
        const tree = treeOf(wasmCore(), ...entries.map((layer) => tarOf(...layer)));
        const merged = [...tree.entries()];
        const names = new Map<number, number>();
        let seen = 0;
        for (const entry of merged) {
          expect(entry.kind).not.toBe("whiteout");
          names.set(entry.identity, (names.get(entry.identity) ?? 0) + 1);
          if (entry.kind === "file") seen += entry.size;
        }
        for (const entry of merged) {
          if (entry.kind !== "directory") expect(entry.links).toBe(names.get(entry.identity));
        }
        expect(tree.layerSizes().reduce((sum, { seenBytes }) => sum + seenBytes, 0)).toBe(seen);
      }),
      { numRuns: 100 },
    );
  });
});

/** Makes the checksums of the headers right again, so that their fields are read. */
function resign(tar: Buffer): void {
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    const block = tar.subarray(at, at + 512);
    if (block.toString("latin1", 257, 262) !== "ustar") continue;
    block.fill(" ", 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  }
}
