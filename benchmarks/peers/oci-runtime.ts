// An OCI runtime on a bundle that is ready: the least that a container takes, with no engine above it.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TarEntry, tar } from "../../test/images/tar.ts";
import { PEERS } from "./cgroups.ts";
import { output, timed, version } from "./command.ts";

export interface OciRuntime extends Disposable {
  readonly name: string;
  readonly version: string;
  /** Milliseconds of `run`: create, start, wait, delete, in one process. */
  run(): number;
  /** Milliseconds of `create`, `start` and `delete --force`, a process each. */
  steps(): number;
}

interface RuntimeSpec {
  process: { terminal: boolean; args: string[]; env: string[] };
  root: { readonly: boolean };
  linux: { cgroupsPath?: string };
}

/** Options of a runtime before its command. */
const GLOBALS: Readonly<Record<string, readonly string[]>> = {
  crun: ["--cgroup-manager", "cgroupfs"],
};

/**
 * A bundle in `folder` whose root holds `entries`, for `words`.
 * @param program its name, or its path
 * @throws PeerMissing
 */
export function ociBundle(
  program: string,
  folder: string,
  entries: readonly TarEntry[],
  words: readonly string[],
): OciRuntime {
  const name = program.slice(program.lastIndexOf("/") + 1);
  const said = version(program, "--version");
  const bundle = mkdtempSync(join(folder, "bundle-"));
  mkdirSync(join(bundle, "rootfs"));
  execFileSync("tar", ["-x", "-C", join(bundle, "rootfs"), "-f", "-"], { input: tar(entries) });
  execFileSync(program, ["spec"], { cwd: bundle });
  const path = join(bundle, "config.json");
  const spec: RuntimeSpec = JSON.parse(readFileSync(path, "utf8"));
  spec.process.terminal = false;
  spec.process.args = [...words];
  spec.process.env = ["PATH=/bin"];
  spec.root.readonly = false;
  spec.linux.cgroupsPath = `/${PEERS}/${name}`;
  writeFileSync(path, JSON.stringify(spec));
  const globals = ["--root", join(bundle, "state"), ...(GLOBALS[name] ?? [])];
  const id = `nacre-bench-${process.pid}`;
  const step = (...more: string[]): number => timed(program, ...globals, ...more);
  // Not by a pipe: the process that waits for its start would keep that open.
  const create = (): number => {
    const words = [...globals, "create", "--bundle", bundle, id];
    const start = performance.now();
    const { status } = spawnSync(program, words, { stdio: "ignore" });
    if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${status}`);
    return performance.now() - start;
  };
  return {
    name,
    version: said,
    run: () => step("run", "--bundle", bundle, id),
    steps: () => create() + step("start", id) + step("delete", "--force", id),
    [Symbol.dispose]() {
      if (output(program, ...globals, "list", "-q") !== "") step("delete", "--force", id);
      rmSync(bundle, { recursive: true, force: true });
    },
  };
}
