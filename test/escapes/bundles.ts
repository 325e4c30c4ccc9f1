// Escapes through the OCI runtime, whose bundles say more than the engine's own containers may.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exampleConfig } from "../../cli/oci/spec.ts";
import { packageRoot } from "../../cli/package-root.ts";
import { makeRoot } from "../kernel/native.ts";
import type { Config } from "../kernel/oci-bench.ts";
import { type Escape, followed } from "./escape.ts";
import type { Outcome, World } from "./world.ts";

/** The package, with the world's nacre-init: it is looked for beside the bundles. */
function runtimeOf(world: World): string {
  const copy = join(world.base, "package");
  const shipped = (path: string): boolean =>
    !/\.mjs$|\/(types|plugins|native|own-node|frozen)$/.test(path);
  for (const part of ["bin", "dist"]) {
    cpSync(join(packageRoot(), part), join(copy, part), { recursive: true, filter: shipped });
  }
  cpSync(world.init, join(copy, `dist/nacre-init-${process.arch}`));
  return join(copy, "bin/nacre-runtime");
}

/** What a shell's line says in a bundle; `change` is of its root and its config. */
function bundled(
  world: World,
  line: string,
  change: (root: string, config: Config) => void,
): Outcome {
  const bundle = join(world.base, "bundle");
  const root = makeRoot(join(bundle, "rootfs"));
  const config = exampleConfig() as Config;
  Object.assign(config.process, { terminal: false, args: ["sh", "-c", line], env: ["PATH=/bin"] });
  config.process.rlimits = [];
  config.root.readonly = false;
  change(root, config);
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  const words = ["--root", join(world.base, "oci"), "run", "-b", bundle, `escape-${process.pid}`];
  const { status, stdout, stderr } = spawnSync(runtimeOf(world), words, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { code: status ?? -1, output: stdout + stderr };
}

export const BUNDLES: readonly Escape[] = [
  {
    ids: ["CVE-2019-18837", "CVE-2021-30465"],
    shape: "a bundle's mount has a target that leads by a link of its root to the machine",
    protection: "openat2(2) with RESOLVE_IN_ROOT",
    attempt: async (world) => {
      const source = join(world.base, "source");
      mkdirSync(source);
      bundled(world, "true", (root, { mounts }) => {
        symlinkSync(world.canary, join(root, "through"));
        mounts.push({ destination: "/through/made", type: "bind", source, options: ["bind"] });
      });
      return !world.untouched();
    },
    without: followed("through"),
  },
  {
    ids: ["CVE-2019-19921", "CVE-2023-27561", "CVE-2023-28642"],
    shape: "/proc of a bundle's root is a link, so that what masks it goes elsewhere",
    protection: "mountInRoot of proc with RESOLVE_NO_SYMLINKS: such a bundle does not start",
    attempt: async (world) => {
      const { code } = bundled(world, "true", (root) => {
        rmSync(join(root, "proc"), { recursive: true });
        mkdirSync(join(root, "elsewhere"));
        symlinkSync("elsewhere", join(root, "proc"));
      });
      return code === 0;
    },
    without: { source: [["mounts.c", ": RESOLVE_NO_SYMLINKS)", ": RESOLVE_NO_MAGICLINKS)"]] },
  },
];
