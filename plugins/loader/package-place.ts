// Where a plugin's package is, and whether it may be loaded: a plugin runs with all rights of the
// engine, so nobody else may be able to change it.

import { lstatSync, readFileSync, realpathSync, statSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { NacreError } from "@nacre/core/error.ts";

/** Names an installed plugin as its user did. */
export interface PluginWish {
  /** A package's name, or the path of its directory. */
  readonly wanted: string;
  /** Who says so: `--plugin`, `NACRE_PLUGINS`, or a file. */
  readonly origin: string;
  /** Directories from which a name is looked up, as Node looks for packages; the first for paths too. */
  readonly bases: readonly string[];
}

const isPath = (wanted: string): boolean => isAbsolute(wanted) || /^\.{1,2}(\/|$)/.test(wanted);

/** npm's names; nothing that could be read as a path. */
const PACKAGE = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;

/**
 * The real directory of a plugin's package.
 * @throws NacreError `not-found`, `invalid`
 */
export function findPackage({ wanted, origin, bases }: PluginWish): string {
  const found = isPath(wanted)
    ? atPath(resolve(bases[0] ?? sep, wanted))
    : byName(wanted, origin, bases);
  if (found !== undefined) return found;
  throw new NacreError("not-found", `plugin ${wanted} (${origin}) is not installed`, {
    advice: isPath(wanted)
      ? "There is no package.json in that directory."
      : `Install it where Nacre looks: npm install ${wanted} in ${bases[0]}, or give its path.`,
  });
}

function atPath(directory: string): string | undefined {
  const file = join(directory, "package.json");
  return statSync(file, { throwIfNoEntry: false })?.isFile() ? realpathSync(directory) : undefined;
}

function byName(name: string, origin: string, bases: readonly string[]): string | undefined {
  if (!PACKAGE.test(name)) {
    throw new NacreError("invalid", `${JSON.stringify(name)} (${origin}) names no npm package`, {
      advice: "A plugin is named as npm names it, or by a path that begins with / or ./.",
    });
  }
  for (const base of bases) {
    try {
      const file = findPackageJSON(name, join(base, "package.json"));
      if (file !== undefined) return realpathSync(dirname(file));
    } catch {
      // Not to be found from there.
    }
  }
  return undefined;
}

export const readPackageJson = (directory: string): string =>
  readFileSync(join(directory, "package.json"), "utf8");

/**
 * The real path of a file of a package, after making sure that it is inside it and that nobody but
 * its owner may change what stands between. `uid`: who we are; undefined for a part of the package
 * whose code runs already, whoever owns that: in a user namespace the machine's root is nobody.
 * @throws NacreError `invalid`, `denied`, `not-found`
 */
export function verifiedFile(
  directory: string,
  file: string,
  name: string,
  uid: number | undefined,
): string {
  let real: string;
  try {
    real = realpathSync(join(directory, file));
  } catch (error) {
    throw new NacreError("not-found", `plugin ${name}: ${join(directory, file)} is missing`, {
      advice: "Was the package built? Install it again.",
      cause: error,
    });
  }
  const inside = relative(directory, real);
  if (inside === "" || inside.startsWith("..") || isAbsolute(inside)) {
    throw new NacreError("invalid", `plugin ${name}: its module ${real} is not in ${directory}`, {
      advice: "A manifest names a file of its own package.",
    });
  }
  for (let path = real; path.length >= directory.length; path = dirname(path)) {
    refuseForeign(path, name, uid);
  }
  return real;
}

/** Owned by us or by root, and written by nobody else. */
function refuseForeign(path: string, name: string, uid: number | undefined): void {
  const { uid: owner, mode } = lstatSync(path);
  const foreign = uid !== undefined && owner !== uid && owner !== 0;
  if (!foreign && (mode & 0o022) === 0) return;
  const why = foreign
    ? `belongs to user ${owner}`
    : `can be written by others (mode ${(mode & 0o777).toString(8)})`;
  throw new NacreError("denied", `plugin ${name} is not loaded: ${path} ${why}`, {
    advice: "It would run with your rights: let it be yours or root's alone (chown, chmod go-w).",
  });
}
