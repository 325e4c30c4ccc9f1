// Output by write(2) itself: process.stdout costs milliseconds to load, and a pipe's bytes would
// have to be waited for before the exit.

import { writeSync } from "node:fs";

const SIGPIPE = 13;

/** Waits where a pipe is full; ends the process as SIGPIPE would where nobody reads any more. */
export function writeAll(descriptor: number, data: string | Uint8Array): void {
  let rest: Uint8Array = typeof data === "string" ? Buffer.from(data) : data;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE") process.exit(128 + SIGPIPE);
      if (code !== "EAGAIN") return;
      // A descriptor that somebody else set non-blocking: look again in a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
