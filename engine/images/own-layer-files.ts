// Files of a layer that is made or taken in, whose digests are not known before the end.

import type { Files, FileWriter } from "@nacre/core/ports/files.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import { randomHex } from "@nacre/core/random-hex.ts";
import type { StatePaths } from "./paths.ts";

/** Where they begin. Hex digits alone: what a killed process leaves so goes with the next sweep. */
export const ownLayerPath = (paths: StatePaths, random: Random): string =>
  `${paths.layers}/${randomHex(random, 12)}`;

/** Does it with files of its own, whose paths begin with `own`; those not committed are thrown away. */
export async function withLayerFiles<T>(
  files: Files,
  paths: StatePaths,
  random: Random,
  work: (own: string, create: (path: string) => Promise<FileWriter>) => Promise<T>,
): Promise<T> {
  files.makeDirectory(paths.layers);
  const writers: FileWriter[] = [];
  const create = async (path: string): Promise<FileWriter> => {
    const writer = await files.create(path);
    writers.push(writer);
    return writer;
  };
  try {
    return await work(ownLayerPath(paths, random), create);
  } finally {
    // After a commit it does nothing.
    for (const writer of writers) await writer.discard();
  }
}
