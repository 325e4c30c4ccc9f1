// Output by write(2) itself: process.stdout costs milliseconds to load, and a pipe's bytes would
// have to be waited for before the exit.

import { writeSync } from "node:fs";

const STDERR = 2;
const SIGPIPE = 13;

/**
 * Waits where a pipe is full. Ends the process as SIGPIPE would where nobody reads any more, and with
 * 1 where output cannot be written, as on a full disk: half of an archive is none. What cannot be
 * said on standard error is not said.
 */
export function writeAll(descriptor: number, data: string | Uint8Array): void {
  let rest: Uint8Array = typeof data === "string" ? Buffer.from(data) : data;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE") process.exit(128 + SIGPIPE);
      if (code !== "EAGAIN") {
        if (descriptor === STDERR) return;
        writeAll(STDERR, unwritten(String(code)));
        process.exit(1);
      }
      // A descriptor that somebody else set non-blocking: look again in a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function unwritten(code: string): string {
  const reason = code === "ENOSPC" ? "no space is left on the disk" : code;
  return `nacre: standard output cannot be written: ${reason}\nWhat was written of it is not whole.\n`;
}
