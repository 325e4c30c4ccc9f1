// Where relative paths begin. It may have been removed meanwhile, and most commands need none.

import { NacreError } from "@nacre/core/error.ts";

/** Ask for it where a relative path is there. @throws NacreError `not-found` */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new NacreError("not-found", "the working directory is not there any more", {
      advice: "Change to one that is, or give absolute paths.",
      cause,
    });
  }
}
