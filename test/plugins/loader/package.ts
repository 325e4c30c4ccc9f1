// Packages of plugins in a temporary directory, as an installation would have them.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type HostPorts, PluginLoader } from "@nacre/plugin-loader/loader.ts";
import type { PluginWish } from "@nacre/plugin-loader/package-place.ts";
import { afterEach } from "vitest";

/** Binds a network that has its own name and nothing else. */
export const QUIET = `
  export default ({ bind, ports }) => {
    bind(ports.NetworkDriver)
      .toResolvedValue(() => ({ name: "quiet", plan: () => ({ ownNamespace: true }) }), [])
      .whenNamed("quiet");
  };`;

export const PROVIDES_QUIET = { NetworkDriver: { quiet: {} } };

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** An empty project, removed after the test. */
export function project(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "nacre-plugins-")));
  made.push(directory);
  return directory;
}

export interface PackageChanges {
  readonly name?: string;
  readonly nacre?: object | undefined;
  readonly source?: string;
}

/** Installs a package in a project's node_modules; its directory. */
export function install(into: string, changes: PackageChanges = {}): string {
  const { name = "nacre-plugin-quiet", source = QUIET } = changes;
  const manifest = { apiVersion: 1, module: "./plugin.js", provides: PROVIDES_QUIET };
  const nacre = "nacre" in changes ? changes.nacre : manifest;
  const directory = join(into, "node_modules", name);
  mkdirSync(dirname(directory), { recursive: true });
  mkdirSync(directory);
  const json = { name, version: "1.2.3", type: "module", ...(nacre && { nacre }) };
  writeFileSync(join(directory, "package.json"), JSON.stringify(json));
  writeFileSync(join(directory, "plugin.js"), source);
  return directory;
}

export const wish = (wanted: string, base: string): PluginWish => ({
  wanted,
  origin: "--plugin",
  bases: [base],
});

export function loaderOf(
  wishes: readonly PluginWish[],
  host: HostPorts = () => {
    throw new Error("this test has no host");
  },
  bundled: readonly string[] = [],
): PluginLoader {
  return new PluginLoader(host, {
    bundled,
    wishes: () => wishes,
    own: {
      ImageServer: [],
      LogDriver: ["json-file"],
      NetworkDriver: ["none", "host"],
      Runtime: ["native"],
      Snapshotter: ["erofs", "directory"],
      VolumeDriver: ["local"],
    },
    uid: process.getuid?.() ?? 0,
  });
}
