// Our own side: the command line as an installed Nacre has it, over a root of its own.

import { fileURLToPath } from "node:url";
import { output, timed } from "./peers/command.ts";

const COMMAND = fileURLToPath(new URL("../cli/bin/nacre", import.meta.url));

/** nacre-init, as the build leaves it. */
export const INIT = fileURLToPath(new URL("../backends/linux/dist/nacre-init", import.meta.url));

export interface Nacre {
  readonly version: string;
  output(...args: string[]): string;
  /** Milliseconds that `nacre args…` takes. */
  timed(...args: string[]): number;
}

/** `nacre --root ROOT`. */
export function openNacre(root: string): Nacre {
  return {
    version: output(COMMAND, "--version"),
    output: (...args) => output(COMMAND, "--root", root, ...args),
    timed: (...args) => timed(COMMAND, "--root", root, ...args),
  };
}
