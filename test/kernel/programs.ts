// Programs of others that a test runs where they are installed.

import { execFileSync } from "node:child_process";

/** What it prints. Throws with its standard error where it fails. */
export const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

export const has = (program: string): boolean => {
  try {
    run(program, "--version");
    return true;
  } catch {
    return false;
  }
};
