// Which plugins there are: those that the package brings, and those that its user names with
// --plugin, NACRE_PLUGINS or a file. Nothing is looked for anywhere else.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { NacreError } from "@nacre/core/error.ts";
import type { PluginOptions } from "@nacre/plugin-loader/installed.ts";
import type { PluginWish } from "@nacre/plugin-loader/package-place.ts";
import { packageRoot } from "./package-root.ts";

/** A list of packages, by name or absolute path: `["nacre-plugin-quiet"]`. */
const CONFIGURATION = "/etc/nacre/plugins.json";

/** Below dist/plugins. */
const BUNDLED = ["wasi", "registry"];

/** What the engine gives to ports by itself; engine/module.ts binds it. */
export const OWN_NAMES = {
  ImageServer: [],
  LogDriver: ["json-file", "local", "none"],
  NetworkDriver: ["none", "host"],
  Runtime: ["native"],
  Snapshotter: ["erofs", "directory"],
  VolumeDriver: ["local"],
} as const;

/** `given`: names and paths, each with who gave it. */
export function pluginOptions(
  given: readonly { readonly wanted: string; readonly origin: string }[],
  workingDirectory: () => string,
): PluginOptions {
  const root = packageRoot();
  const wishes = given.map((one) => ({ ...one, bases: [workingDirectory(), root] }));
  return {
    bundled: BUNDLED.map((name) => join(root, "dist", "plugins", name)),
    own: OWN_NAMES,
    uid: process.getuid?.() ?? 0,
    wishes: () => [
      ...wishes,
      ...configured().map((wanted) => ({
        wanted,
        origin: CONFIGURATION,
        bases: [dirname(CONFIGURATION), root],
      })),
    ],
  };
}

/** Words of NACRE_PLUGINS, parted by commas or spaces. */
export function pluginsOf(
  environment: Readonly<Record<string, string | undefined>>,
): PluginGiven[] {
  const words = (environment.NACRE_PLUGINS ?? "").split(/[\s,]+/).filter((word) => word !== "");
  return words.map((wanted) => ({ wanted, origin: "NACRE_PLUGINS" }));
}

export type PluginGiven = Pick<PluginWish, "wanted" | "origin">;

function configured(): string[] {
  let content: string;
  try {
    content = readFileSync(CONFIGURATION, "utf8");
  } catch {
    return [];
  }
  let names: unknown;
  try {
    names = JSON.parse(content);
  } catch {
    // Said below.
  }
  if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  throw new NacreError("invalid", `${CONFIGURATION} is no JSON list of packages`, {
    advice: 'It looks like ["nacre-plugin-quiet", "/opt/my-plugin"].',
  });
}
