// Signals that this process gets.

import { constants } from "node:os";

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

/** Acts on each of these signals, by its number, until the result is called. */
export function onSignals(
  names: readonly NodeJS.Signals[],
  act: (number: number) => void,
): () => void {
  const listeners = names.map((name) => {
    const listener = (): void => act(constants.signals[name]);
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  return () => {
    for (const release of listeners) release();
  };
}
