// A container's process in the foreground: which of our streams it gets, and how signals reach it.

import { NacreError } from "@nacre/core/error.ts";
import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import type { Attached } from "@nacre/engine/engine.ts";
import type { Host } from "./host.ts";

interface Foreground {
  readonly interactive: boolean;
  readonly tty: boolean;
  readonly detach: boolean;
}

/** @throws NacreError `invalid`, with docker's words, for -it without a terminal */
export function checkTerminal({ interactive, tty, detach }: Foreground, host: Host): void {
  if (interactive && tty && !detach && !host.isTerminal(0)) {
    throw new NacreError("invalid", "the input device is not a TTY", {
      advice: "Leave out -t where standard input is a pipe or a file.",
    });
  }
}

/** Our own descriptors: no byte of a container passes through JavaScript. */
export function streamsOf({ interactive, detach }: Foreground): ProcessStreams {
  if (detach) return { stdin: "ignore", stdout: "ignore", stderr: "ignore" };
  return { stdin: interactive ? 0 : "ignore", stdout: 1, stderr: 2 };
}

const FORWARDED: readonly NodeJS.Signals[] = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
];

/** Hands signals on until the process has ended; its exit code. */
export async function untilExit(attached: Attached, host: Host): Promise<number> {
  const release = host.onSignals(FORWARDED, (number) => attached.signal(number));
  try {
    return await attached.exited;
  } finally {
    release();
  }
}
