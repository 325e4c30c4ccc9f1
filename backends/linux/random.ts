import { closeSync, openSync, readSync } from "node:fs";
import type { Random } from "@nacre/core/ports/random.ts";
import { attempt } from "./files-error.ts";

const SOURCE = "/dev/urandom";

/** The kernel's own generator, read as a file: loading node:crypto for it takes 5 ms of a start. */
export class LinuxRandom implements Random {
  bytes(count: number): Uint8Array {
    return attempt("read", SOURCE, () => {
      const bytes = new Uint8Array(count);
      const descriptor = openSync(SOURCE, "r");
      try {
        // random(4): a read of up to 256 bytes is never cut short; longer ones may be, by a signal.
        for (let at = 0; at < count; ) at += readSync(descriptor, bytes, at, count - at, null);
      } finally {
        closeSync(descriptor);
      }
      return bytes;
    });
  }
}
