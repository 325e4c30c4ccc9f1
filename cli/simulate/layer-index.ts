import type { Files } from "@nacre/core/ports/files.ts";
import type { StatePaths } from "@nacre/engine/images/paths.ts";

/** The index of a layer by the path of its tar; a device of a mount that is none is the spill. */
export function layerIndexAt(
  files: Files,
  paths: StatePaths,
  tarPath: string,
): Uint8Array | undefined {
  const hex = /([0-9a-f]+)\.tar$/.exec(tarPath)?.[1];
  return hex === undefined ? undefined : files.readBytes(paths.layerIndex(`sha256:${hex}`));
}
