// The option of stop and restart: how long a container may take to end by itself.

import { alsoNamed, value } from "./options.ts";
import { parseInteger } from "./parse/number.ts";
import { signalOrNone } from "./parse/signal.ts";

export const TIMEOUT = alsoNamed(
  "time",
  value(["timeout", "t"], "seconds", "How long to wait before SIGKILL (default 10)", parseInteger),
);

/** Docker waits forever with a negative time; so long that nobody sees the end is the same. */
export function timeoutMsOf(seconds: number | undefined): { readonly timeoutMs?: number } {
  if (seconds === undefined) return {};
  return { timeoutMs: seconds < 0 ? 2 ** 31 - 1 : seconds * 1000 };
}

export const STOP_SIGNAL = value(
  ["signal", "s"],
  "signal",
  "What it gets first, instead of its own stop signal",
  signalOrNone,
  ["INT", "QUIT", "TERM", "USR1", "USR2"],
);
