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
  return { container, stdin, stdout, stderr, exited, signal: (n) => running.signal(n) };
}
