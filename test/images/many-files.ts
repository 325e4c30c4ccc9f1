// Images whose shape is what costs: very many small files in one layer, very many layers. Both
// hold busybox too, so that they can be run. Contents come from a fixed seed: the same on every
// machine, and as compressible as source text.

import { busyboxEntries } from "./busybox.ts";
import { CACHED_TAG, cachedLayout } from "./cache.ts";
import { type ImageSpec, type WrittenImage, writeLayout } from "./layout.ts";
import { type TarEntry, tar } from "./tar.ts";

const FILES_PER_FOLDER = 50;
const MEAN_WORDS = 200;

/** Mulberry32: a small generator that gives the same numbers everywhere. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function* smallFiles(count: number, below: string): Generator<TarEntry> {
  const random = seeded(count);
  const words = Array.from({ length: 2000 }, () =>
    random()
      .toString(36)
      .slice(2, 3 + random() * 9),
  );
  for (let i = 0; i < count; i++) {
    const folder = `${below}package-${Math.floor(i / FILES_PER_FOLDER)}/`;
    if (i % FILES_PER_FOLDER === 0) yield { name: folder, type: "directory" };
    const length = Math.floor(random() * 2 * MEAN_WORDS);
    const text = Array.from({ length }, () => words[Math.floor(random() * words.length)]);
    yield { name: `${folder}file-${i % FILES_PER_FOLDER}.js`, content: text.join(" ") };
  }
}

const SRV: TarEntry = { name: "srv/", type: "directory" };

/** `count` files of a kilobyte or so in one layer above busybox's. */
export function manyFilesImage(count: number): ImageSpec {
  return {
    layers: [
      { tar: tar(busyboxEntries()), createdBy: "busybox-static" },
      { tar: tar([SRV, ...smallFiles(count, "srv/")]), createdBy: `${count} small files` },
    ],
    process: { Env: ["PATH=/bin"], Cmd: ["sh"] },
  };
}

/** Busybox below `count - 1` layers, each with a folder of its own and a file that all replace. */
export function manyLayersImage(count: number): ImageSpec {
  const more = Array.from({ length: count - 1 }, (_, i) => ({
    tar: tar([
      SRV,
      { name: `srv/layer-${i}/`, type: "directory" },
      ...Array.from(smallFiles(20, `srv/layer-${i}/`)),
      { name: "srv/top", content: `layer ${i}` },
    ]),
    createdBy: `layer ${i}`,
  }));
  return {
    layers: [{ tar: tar(busyboxEntries()), createdBy: "busybox-static" }, ...more],
    process: { Env: ["PATH=/bin"], Cmd: ["sh"] },
  };
}

/** Increase it when what the functions above write changes. */
const VERSION = 2;

function cached(name: string, image: () => ImageSpec): Promise<string> {
  return cachedLayout(
    name,
    `${name} ${VERSION}`,
    (folder): Promise<WrittenImage> => writeLayout(folder, CACHED_TAG, image()),
  );
}

/** Folder of a layout with 50,000 small files, or fewer. */
export function manyFilesLayout(count = 50_000): Promise<string> {
  return cached(`files-${count}`, () => manyFilesImage(count));
}

/** Folder of a layout with 41 layers, or fewer. */
export function manyLayersLayout(count = 41): Promise<string> {
  return cached(`layers-${count}`, () => manyLayersImage(count));
}
