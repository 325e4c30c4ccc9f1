// What layers that are unpacked into directories take on the disk: each directory once, however
// many images consist of it, and those of containers with users of their own (directory.ts).

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StatePaths } from "../images/paths.ts";

/** Bytes of each directory that an image consists of, by its name, for each image by its chain ID. */
export type UnpackedLayers = ReadonlyMap<string, ReadonlyMap<string, number>>;

interface Manifest {
  readonly directories: readonly string[];
  /** Of each directory; those of an older Nacre say the sum alone. */
  readonly sizes?: readonly number[];
  readonly sizeBytes: number;
}

const LAYERS = ".layers";

function manifestAt(files: Files, path: string): Manifest | undefined {
  try {
    return JSON.parse(files.readText(path));
  } catch (error) {
    // It was torn when the machine went down, or is gone by now.
    if (error instanceof SyntaxError) return undefined;
    if (error instanceof NacreError && error.kind === "not-found") return undefined;
    throw error;
  }
}

export function unpackedLayers(files: Files, paths: StatePaths): UnpackedLayers {
  const found = new Map<string, Map<string, number>>();
  const read = (directory: string): void => {
    for (const name of files.list(directory)) {
      if (!name.includes(".")) read(`${directory}/${name}`);
      const manifest = name.endsWith(LAYERS) && manifestAt(files, `${directory}/${name}`);
      if (!manifest) continue;
      const { directories, sizeBytes, sizes } = manifest;
      const chainId = `sha256:${name.slice(0, -LAYERS.length)}`;
      const parts = found.get(chainId) ?? new Map<string, number>();
      for (const [i, layer] of directories.entries()) {
        const isTop = i === directories.length - 1;
        parts.set(`${directory}/${layer}`, sizes?.[i] ?? (isTop ? sizeBytes : 0));
      }
      found.set(chainId, parts);
    }
  };
  read(paths.snapshots("directory"));
  return found;
}

/** The sum of all. */
export const unpackedBytes = (unpacked: UnpackedLayers): number =>
  [...new Map([...unpacked.values()].flatMap((parts) => [...parts])).values()].reduce(
    (sum, bytes) => sum + bytes,
    0,
  );
