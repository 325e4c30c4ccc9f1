// Signals that this process gets.

import { constants } from "node:os";
import { isHangupIgnored } from "./hangup.ts";

/** Those that go on to what runs in the foreground: it is to feel as if it had got them. */
export const FORWARDED: readonly NodeJS.Signals[] = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
];

/**
 * Acts on each of these signals, by its number, until the result is called: not on SIGHUP where our
 * caller has that ignored.
 */
export function onSignals(
  names: readonly NodeJS.Signals[],
  act: (number: number) => void,
): () => void {
  const heard = names.filter((name) => name !== "SIGHUP" || !isHangupIgnored());
  const listeners = heard.map((name) => {
    const listener = (): void => act(constants.signals[name]);
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  return () => {
    for (const release of listeners) release();
  };
}
