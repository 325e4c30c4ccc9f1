// --cidfile: a file with the ID of the container that was made, for scripts. It must not be there
// yet, so that nobody takes the ID of an earlier container for that of a new one.

import { NacreError } from "@nacre/core/error.ts";
import type { Host } from "./host.ts";

/** Before anything is made. NacreError `exists`, or `denied` where there will be none. */
export function checkIdFile(path: string | undefined, host: Host): void {
  if (!path) return;
  if (host.exists(path)) {
    throw new NacreError("exists", `container ID file found at ${path}`, {
      advice: "Make sure that the other container is not running, and delete the file.",
    });
  }
  try {
    host.checkPlace(path);
  } catch (error) {
    throw unwritable(path, error, "Its directory must be there, and be yours to write to.");
  }
}

/** NacreError `denied` where it cannot be written; the container is there all the same. */
export function writeIdFile(path: string | undefined, id: string, host: Host): void {
  if (!path) return;
  try {
    host.createFile(path, id);
  } catch (error) {
    throw unwritable(path, error, `Container ${id.slice(0, 12)} was made: nacre rm removes it.`);
  }
}

function unwritable(path: string, error: unknown, advice: string): NacreError {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const message = `the container ID file ${path} cannot be written: ${code}`;
  return new NacreError("denied", message, { advice, cause: error });
}
