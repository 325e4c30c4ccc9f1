// What `run` and `exec` both say of the process that they start in a container. Apart, so that `exec`
// loads none of what only containers are made with.

import { FlagError } from "./flag-error.ts";
import type { Host } from "./host.ts";
import { flag, list, text } from "./options.ts";
import { parseEnvironmentFile, parseVariable, resolveVariables } from "./parse/environment.ts";

export const ENTERING_OPTIONS = {
  detach: flag(["detach", "d"], "Run in the background and print the container's ID"),
  env: list(
    ["env", "e"],
    "K=V",
    "Set an environment variable; a bare K passes yours on",
    parseVariable,
  ),
  envFile: list(["env-file"], "file", "Read environment variables, one a line", String, "files"),
  interactive: flag(["interactive", "i"], "Keep standard input open"),
  tty: flag(["tty", "t"], "Give the process a terminal"),
  user: text(["user", "u"], "user[:group]", "User and group, by name or number"),
  workdir: text(["workdir", "w"], "dir", "The working directory in the container"),
};

/** Ours, of --env-file, `usual` ones, then those of -e: the later wins. */
export function environmentOf(
  values: { readonly env: readonly string[]; readonly envFile: readonly string[] },
  host: Host,
  own: readonly string[] = [],
  usual: readonly string[] = [],
): string[] {
  const fromFiles = values.envFile.flatMap((path) =>
    parseEnvironmentFile(readEnvironmentFile(path, host), path),
  );
  return resolveVariables([...own, ...fromFiles, ...usual, ...values.env], host.environment);
}

/** @throws FlagError in docker's words */
export function readEnvironmentFile(path: string, host: Host): string {
  try {
    return host.readText(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why = code === "ENOENT" ? "no such file or directory" : String(code ?? error);
    throw new FlagError(`open ${path}: ${why}`);
  }
}
