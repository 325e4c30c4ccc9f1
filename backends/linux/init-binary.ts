// Where nacre-init comes from. The package carries it built for the machine that it was packed on:
// it is static, so it runs with any libc and needs the processor alone. On another processor it is
// built from the sources that the package carries too, once.

import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NacreError } from "@nacre/core/error.ts";

export interface InitPlaces {
  /** Directories to look into, in order; a build goes to the first that can be written. */
  readonly directories: readonly string[];
  /** The Makefile's directory. */
  readonly sources: string;
}

/** Processors as Node names them. */
const initName = (): string => `nacre-init-${process.arch}`;

/**
 * The path of a nacre-init for this processor; built if there is none.
 * @throws NacreError `unsupported` where there is no C compiler
 */
export function initBinary({ directories, sources }: InitPlaces): string {
  for (const directory of directories) {
    const path = `${directory}/${initName()}`;
    if (executable(path)) return path;
  }
  const built = mkdtempSync(join(tmpdir(), "nacre-init-"));
  try {
    build(sources, built);
    return place(join(built, "nacre-init"), directories);
  } finally {
    rmSync(built, { recursive: true, force: true });
  }
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function build(sources: string, into: string): void {
  const { status, stderr, error } = spawnSync("make", ["-s", "-C", sources, `DIST=${into}`], {
    encoding: "utf8",
  });
  if (status === 0) return;
  throw new NacreError(
    "unsupported",
    `cannot build nacre-init for ${process.arch}: ${why(error, stderr)}`,
    {
      operation: `make -C ${sources}`,
      advice: "Install a C compiler and make (Debian: gcc libc6-dev make), then try again.",
      ...(error && { cause: error }),
    },
  );
}

function why(error: Error | undefined, stderr: string | null): string {
  if (error) return error.message;
  return (stderr ?? "").trim().split("\n").at(-1) || "make failed";
}

/** Whole or not at all: another process may look at the same moment. */
function place(built: string, directories: readonly string[]): string {
  let refusal: unknown;
  for (const directory of directories) {
    const path = join(directory, initName());
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const temporary = `${path}.${process.pid}`;
      copyFileSync(built, temporary);
      renameSync(temporary, path);
      return path;
    } catch (error) {
      refusal = error;
    }
  }
  throw new NacreError("denied", `cannot keep nacre-init in ${directories.join(" or ")}`, {
    advice: "Run as root, or choose a --root that you may write.",
    cause: refusal,
  });
}
