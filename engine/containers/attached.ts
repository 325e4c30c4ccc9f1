import type { RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { Attached } from "../engine.ts";

/** A process as its starter holds it. */
export function attached(
  container: ContainerRecord,
  running: RunningProgram,
  exited: Promise<number>,
): Attached {
  exited.catch(() => {}); // whoever asks for it gets the rejection; nobody need ask
  const { stdin, stdout, stderr } = running;
  return {
    ...{ container, stdin, stdout: webStream(stdout), stderr: webStream(stderr), exited },
    signal: (number) => running.signal(number),
  };
}

/** The same as a web stream, for whoever uses the library, or may have to leave it while nothing comes. */
export function webStream(
  bytes: AsyncIterable<Uint8Array> | undefined,
): ReadableStream<Uint8Array> | undefined {
  if (bytes === undefined || bytes instanceof ReadableStream) return bytes;
  return ReadableStream.from(bytes);
}
