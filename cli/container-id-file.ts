// --cidfile: a file with the ID of the container that was made, for scripts. It must not be there
// yet, so that nobody takes the ID of an earlier container for that of a new one.

import { NacreError } from "@nacre/core/error.ts";
import type { Host } from "./host.ts";

/** Before anything is made. NacreError `exists` */
export function refuseOldIdFile(path: string | undefined, host: Host): void {
  if (path === undefined || !host.exists(path)) return;
  throw new NacreError("exists", `container ID file found at ${path}`, {
    advice: "Make sure that the other container is not running, and delete the file.",
  });
}

/** NacreError `denied` where it cannot be written; the container is there all the same. */
export function writeIdFile(path: string | undefined, id: string, host: Host): void {
  if (path === undefined) return;
  try {
    host.createFile(path, id);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new NacreError("denied", `the container ID file ${path} cannot be written: ${code}`, {
      advice: `Container ${id.slice(0, 12)} was made: nacre rm removes it.`,
      cause: error,
    });
  }
}
