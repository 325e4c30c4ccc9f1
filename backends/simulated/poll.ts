// poll(2): which descriptors can be read from or written to without waiting, or have ended.

import { callAfter } from "./clock.ts";
import type { FileDescription } from "./descriptor-table.ts";
import type { Machine } from "./machine.ts";
import { ProcessInode } from "./pidfd.ts";
import type { Process } from "./process.ts";

/** Bits of `events` and of what is given back. */
export const POLL = { IN: 1, OUT: 4, ERR: 8, HUP: 16, NVAL: 32 } as const;

export interface PollRequest {
  /** Negative: not looked at. */
  readonly descriptor: number;
  /** POLL.IN and POLL.OUT; the others are told unasked. */
  readonly events: number;
}

const bit = (condition: boolean, one: number): number => (condition ? one : 0);

function readiness(file: FileDescription): number {
  const { inode } = file.path.dentry;
  if (inode instanceof ProcessInode) {
    const { state } = inode.process;
    return bit(state === "zombie" || state === "dead", POLL.IN) | bit(state === "dead", POLL.HUP);
  }
  // Files, directories and the devices of memory never keep anybody waiting.
  if (!file.pipe) return POLL.IN | POLL.OUT;
  const { readable, writable, noReaders, noWriters } = file.pipe.readiness;
  return (
    bit(readable, POLL.IN) |
    bit(writable, POLL.OUT) |
    bit(noReaders, POLL.ERR) |
    bit(noWriters, POLL.HUP)
  );
}

/** poll(2) with a timeout of 0: what each descriptor has of what is asked. */
export function poll(process: Process, requests: readonly PollRequest[]): number[] {
  return requests.map(({ descriptor, events }) => {
    if (descriptor < 0) return 0;
    const file = process.files.find(descriptor);
    if (!file || file.mode.pathOnly) return POLL.NVAL;
    return readiness(file) & (events | POLL.ERR | POLL.HUP);
  });
}

/** The same, waiting until there is something, or for so long; Infinity for ever. */
export async function pollFor(
  machine: Machine,
  process: Process,
  requests: readonly PollRequest[],
  timeoutMs: number,
): Promise<number[]> {
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const cancel =
    timeoutMs === Number.POSITIVE_INFINITY
      ? undefined
      : callAfter(machine.clock, timeoutMs, () => resolve("late"));
  try {
    for (;;) {
      const found = poll(process, requests);
      if (found.some((one) => one !== 0)) return found;
      const change = process.during(nextChange(machine, process, requests));
      if ((await Promise.race([change, late])) === "late") return found;
    }
  } finally {
    cancel?.();
  }
}

/** When a process has ended, or a pipe of those that are looked at has changed. */
function nextChange(
  machine: Machine,
  process: Process,
  requests: readonly PollRequest[],
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = machine.whenOneEnds(resolve);
  for (const { descriptor } of requests) {
    void process.files.find(descriptor)?.pipe?.buffer.changed.then(resolve);
  }
  return promise.finally(stop);
}
