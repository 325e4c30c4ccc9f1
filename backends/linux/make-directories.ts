import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "./files-error.ts";

/**
 * Makes a directory and those above it, each 0700. Returns whether it was missing. Node's own
 * recursion says ENOENT where the file system said something else (EROFS, on Node 24).
 * @param floor neither made nor gone above: what is below it fails with ENOENT once it is gone
 */
export function makeDirectories(path: string, floor?: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    const above = dirname(path);
    if (errno === "ENOENT" && path !== above && above !== floor) {
      makeDirectories(above, floor);
      return makeDirectories(path, floor);
    }
    if (errno === "EEXIST" && statSync(path, { throwIfNoEntry: false })?.isDirectory())
      return false;
    throw error;
  }
}
