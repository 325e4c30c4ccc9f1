import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "./files-error.ts";

/**
 * Makes a directory and those above it, each 0700. Returns whether it was missing. Node's own
 * recursion says ENOENT where the file system said something else (EROFS, on Node 24).
 */
export function makeDirectories(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" && path !== dirname(path)) {
      makeDirectories(dirname(path));
      return makeDirectories(path);
    }
    if (errno === "EEXIST" && statSync(path, { throwIfNoEntry: false })?.isDirectory())
      return false;
    throw error;
  }
}
