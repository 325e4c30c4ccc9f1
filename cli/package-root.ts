// Where this package's other files are: the launcher, core.wasm, nacre-init, completion scripts.
// The same code runs from its sources (cli/) and from a bundle (cli/dist/).

import { basename, dirname } from "node:path";

/** The directory of package.json. */
export function packageRoot(): string {
  const here = import.meta.dirname;
  return basename(here) === "dist" ? dirname(here) : here;
}
