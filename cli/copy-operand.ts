// An operand of `cp`: a path in a container, one of this machine, or `-`.

import { posix } from "node:path";
import { NacreError } from "@nacre/core/error.ts";
import type { Host } from "./host.ts";

export interface CopyOperand {
  /** Undefined for a path of this machine. */
  readonly container: string | undefined;
  /** Absolute, but for `-`; a slash or `/.` at its end stays. */
  readonly path: string;
}

/** What begins with a dot or a slash is a path, whatever colons are in it. */
export function copyOperand(word: string, host: Pick<Host, "workingDirectory">): CopyOperand {
  const colon = /^[./]/.test(word) ? -1 : word.indexOf(":");
  if (colon < 0) {
    if (word === "-") return { container: undefined, path: word };
    const directory = word.startsWith("/") ? "/" : host.workingDirectory;
    return { container: undefined, path: absolute(directory, word) };
  }
  const path = word.slice(colon + 1);
  if (path === "") throw missing(word);
  return { container: word.slice(0, colon), path: absolute("/", path) };
}

/** Without `..`, and with what at its end says that it is a directory. */
function absolute(directory: string, path: string): string {
  const whole = posix.resolve(directory, path);
  if (path === "." || path.endsWith("/.")) return `${whole === "/" ? "" : whole}/.`;
  return path.endsWith("/") && whole !== "/" ? `${whole}/` : whole;
}

function missing(word: string): NacreError {
  return new NacreError("invalid", `${word}: the path in the container is missing`, {
    advice: `Its root is ${word}/`,
  });
}
