// Reading one file of a tree that a running container may be changing. Each component is opened
// below the descriptor of the one before (/proc/self/fd/N/NAME is Node's openat(2)) and never
// followed if it is a link, so that no race leads out of the tree.

import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { errnoOf, fileError } from "./files-error.ts";

/** Only a handle: what is behind it (a fifo, a device whose opening does something) is not opened. Node does not export it; open(2), linux/fcntl.h. */
const O_PATH = 0o10000000;
const HANDLE = O_PATH | constants.O_NOFOLLOW;
const ABSENT = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

export function readBeneath(
  directory: string,
  path: string,
  limitBytes: number,
): Uint8Array | undefined {
  const names = path.split("/");
  if (names.some((name) => name === "" || name === "." || name === "..")) return undefined;
  let handle: number | undefined;
  try {
    handle = openSync(directory, O_PATH | constants.O_DIRECTORY);
    for (const [i, name] of names.entries()) {
      const parent = handle;
      const flags = i === names.length - 1 ? HANDLE : HANDLE | constants.O_DIRECTORY;
      handle = openSync(`/proc/self/fd/${parent}/${name}`, flags);
      closeSync(parent);
    }
    const status = fstatSync(handle);
    if (!status.isFile() || status.size > limitBytes) return undefined;
    const bytes = readFileSync(`/proc/self/fd/${handle}`);
    return bytes.length > limitBytes ? undefined : Uint8Array.from(bytes);
  } catch (error) {
    if (ABSENT.has(errnoOf(error) ?? "")) return undefined;
    throw fileError(error, "read", `${directory}/${path}`);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}
