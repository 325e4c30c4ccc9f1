// Waits until something may have changed in a file or directory, as inotify(7) would tell.

import type { Inode } from "./inode.ts";
import type { Machine } from "./machine.ts";

/** Resolves at a change, when any process ends, or when the signal aborts. */
export async function untilChanged(
  machine: Machine,
  inode: Inode,
  signal: AbortSignal,
): Promise<void> {
  const watched = [inode];
  if (inode.kind === "directory") {
    for (const name of inode.names()) watched.push(inode.lookup(name) ?? inode);
  }
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const stops = watched.map((one) => one.superblock.watch(one, resolve));
  // Who follows a file waits for its writers, too: with the last of them it is complete.
  stops.push(machine.whenOneEnds(resolve));
  const abort = (): void => resolve();
  signal.addEventListener("abort", abort, { once: true });
  await promise;
  signal.removeEventListener("abort", abort);
  for (const stop of stops) stop();
}
