// crun on a bundle that is ready: the least that an OCI runtime does, with no engine above it.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TarEntry, tar } from "../../test/images/tar.ts";
import { PEERS } from "./cgroups.ts";
import { timed, version } from "./command.ts";

export interface Crun extends Disposable {
  readonly name: string;
  readonly version: string;
  /** Milliseconds of `crun run`: create, start, wait, delete. */
  run(): number;
}

interface RuntimeSpec {
  process: { terminal: boolean; args: string[]; env: string[] };
  root: { readonly: boolean };
  linux: { cgroupsPath?: string };
}

/** A bundle in `folder` whose root holds `entries`, for `command`. Throws PeerMissing. */
export function crunBundle(
  folder: string,
  entries: readonly TarEntry[],
  command: readonly string[],
): Crun {
  const [name] = version("crun", "--version").split("\n");
  const bundle = mkdtempSync(join(folder, "bundle-"));
  mkdirSync(join(bundle, "rootfs"));
  execFileSync("tar", ["-x", "-C", join(bundle, "rootfs"), "-f", "-"], { input: tar(entries) });
  execFileSync("crun", ["spec"], { cwd: bundle });
  const path = join(bundle, "config.json");
  const spec: RuntimeSpec = JSON.parse(readFileSync(path, "utf8"));
  spec.process.terminal = false;
  spec.process.args = [...command];
  spec.process.env = ["PATH=/bin"];
  spec.root.readonly = false;
  spec.linux.cgroupsPath = `/${PEERS}/crun`;
  writeFileSync(path, JSON.stringify(spec));
  const state = join(bundle, "state");
  const run = ["--root", state, "--cgroup-manager", "cgroupfs", "run", "--bundle", bundle, "nacre"];
  return {
    name: "crun",
    version: name ?? "",
    run: () => timed("crun", ...run),
    [Symbol.dispose]: () => rmSync(bundle, { recursive: true, force: true }),
  };
}
