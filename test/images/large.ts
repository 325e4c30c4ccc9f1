// Images whose size is what costs: a few large layers, half of them incompressible, the other half
// like text. From a fixed seed.

import { CACHED_TAG, cachedLayout } from "./cache.ts";
import { writeLayout } from "./layout.ts";
import { tar } from "./tar.ts";

const MEBIBYTE = 1 << 20;

function contents(bytes: number, seed: number): Buffer {
  const content = Buffer.alloc(bytes);
  let x = seed;
  for (let at = 0; at < bytes; at += 4) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    content.writeUInt32LE(
      at < bytes / 2 ? Math.imul(x, 2654435761) >>> 0 : (x >>> 28) * 0x01010101,
      at,
    );
  }
  return content;
}

/** An image of `layers` layers of 64 MiB, or of another size. */
export function largeLayout(layers: number, layerBytes = 64 * MEBIBYTE): Promise<string> {
  const recipe = `large ${layers} ${layerBytes}`;
  return cachedLayout("large", recipe, (folder) =>
    writeLayout(folder, CACHED_TAG, {
      layers: Array.from({ length: layers }, (_, at) => ({
        tar: tar([{ name: `data-${at}`, content: contents(layerBytes, at + 1) }]),
        createdBy: `data ${at}`,
      })),
    }),
  );
}
