// The options before the command's name: a flag wins over the environment (NACRE_ROOT, …), which
// wins over the default.

import { type GlobalOptions, LOG_LEVELS } from "./command.ts";
import { defaultRoot } from "./default-root.ts";
import { FlagError } from "./flag-error.ts";
import { choice, flag, list, text, type Values } from "./options.ts";
import { pluginsOf } from "./plugins.ts";

const BACKENDS = ["linux", "simulated"] as const;

export const GLOBAL_OPTIONS = {
  root: text(
    ["root"],
    "directory",
    "Where all state is kept (NACRE_ROOT; default /var/lib/nacre, for others than root ~/.local/share/nacre)",
    "files",
  ),
  backend: choice(["backend"], BACKENDS, "The kernel to use (NACRE_BACKEND; default linux)"),
  snapshotter: text(
    ["snapshotter"],
    "name",
    "How layers become a root: erofs or directory (NACRE_SNAPSHOTTER; default: the best here)",
    ["erofs", "directory"],
  ),
  usernsRemap: text(
    ["userns-remap"],
    "user[:group]",
    "Run all containers with the subordinate IDs of this user, or default (NACRE_USERNS_REMAP)",
  ),
  logLevel: choice(
    ["log-level", "l"],
    LOG_LEVELS,
    "How much is told; debug adds the causes of errors (NACRE_LOG_LEVEL; default info)",
  ),
  plugin: list(
    ["plugin"],
    "package",
    "A plugin by its package's name or path; it runs with all rights of the engine (NACRE_PLUGINS)",
    String,
    "files",
  ),
  version: flag(["version", "v"], "Print the version and quit"),
};

/** @throws FlagError */
export function settleGlobals(
  given: Values<typeof GLOBAL_OPTIONS>,
  environment: Readonly<Record<string, string | undefined>>,
): GlobalOptions {
  const snapshotter = given.snapshotter ?? setting(environment, "NACRE_SNAPSHOTTER");
  const usernsRemap = given.usernsRemap ?? setting(environment, "NACRE_USERNS_REMAP");
  return {
    root: given.root ?? setting(environment, "NACRE_ROOT") ?? defaultRoot(environment),
    backend: given.backend ?? chosen(environment, "NACRE_BACKEND", BACKENDS) ?? "linux",
    logLevel: given.logLevel ?? chosen(environment, "NACRE_LOG_LEVEL", LOG_LEVELS) ?? "info",
    plugins: [
      ...given.plugin.map((wanted) => ({ wanted, origin: "--plugin" })),
      ...pluginsOf(environment),
    ],
    ...(snapshotter !== undefined && { snapshotter }),
    ...(usernsRemap && { usernsRemap }),
  };
}

/** An empty variable is one that is not set. */
function setting(environment: Readonly<Record<string, string | undefined>>, name: string) {
  return environment[name] || undefined;
}

function chosen<T extends string>(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
  choices: readonly T[],
): T | undefined {
  const word = setting(environment, name);
  const found = choices.find((each) => each === word);
  if (word !== undefined && found === undefined) {
    throw new FlagError(
      `invalid value ${JSON.stringify(word)} of ${name}: must be one of ${choices.join(", ")}`,
    );
  }
  return found;
}
