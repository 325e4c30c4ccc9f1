// What can be wrong with a layer: the core's fault codes (core/assembly/layer-fault.ts) as errors.

import { type ErrorKind, NacreError } from "./error.ts";

const FAULTS: readonly (readonly [ErrorKind, string])[] = [
  ["corrupt", "the tar ends in the middle of it"],
  ["corrupt", "its header does not match its checksum"],
  ["corrupt", "a field of its header is no number, or one out of range"],
  ["corrupt", "its size is no number, negative, or larger than 2^53 bytes"],
  ["invalid", "its type is unknown"],
  ["corrupt", "a record of its pax header is malformed"],
  ["invalid", "its extended header is longer than 1 MiB, or its name's than 4 KiB"],
  ["invalid", "a path is longer than 4095 bytes, or a name in it than 255"],
  ["invalid", "a NUL byte stands in a name"],
  ["invalid", "the path leaves the root"],
  ["invalid", "the hard link's target leaves the root"],
  ["invalid", "the link has no target"],
  ["invalid", 'the whiteout hides no name: it is empty, "." or ".."'],
  ["corrupt", "its map of sparse segments contradicts its size, or itself"],
  ["corrupt", "an extended header is followed by no file"],
  ["invalid", "there are too many entries, or too long ones"],
  ["invalid", "its extended attributes are more or larger than a file system holds"],
  ["invalid", "the root must be a directory"],
  ["corrupt", "a block of zeros stands between entries"],
  ["corrupt", "it is not the index of a layer, or one of another version"],
  ["corrupt", "the layer's index is damaged"],
  ["invalid", "the path leads through something that is no directory"],
  ["invalid", "the path leads through too many symbolic links"],
  ["invalid", "the hard link's target is missing"],
  ["invalid", "the hard link's target is a directory"],
  ["invalid", "the path is longer than 4095 bytes once symbolic links are resolved"],
  ["invalid", "too many names have the same hash; somebody chose them so"],
  ["unsupported", "the layer is larger than 2 TiB"],
  ["unsupported", "the image's metadata is larger than 1 GiB"],
  ["unsupported", "there are more than 4096 layers"],
];

/** Reads names as people see them; for exact bytes there are the `…Bytes` fields. */
export const names = new TextDecoder();

/** The error of fault `code`, counted from 1; `where` names the entry or the layer. */
export function layerError(code: number, where: string): NacreError {
  const [kind, reason] = FAULTS[code - 1] ?? ["internal", `unknown fault ${code}`];
  const advice =
    kind === "corrupt"
      ? "Pull the image again; if it stays, whoever built it has to build it anew."
      : "Whoever built the image has to build this layer differently.";
  return new NacreError(kind, `${where}: ${reason}`, { advice });
}
