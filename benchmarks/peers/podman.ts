// podman with a store of its own. It needs no daemon, and leaves a pause of its state below the
// folders given here only.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PEERS } from "./cgroups.ts";
import { output, timed, timedMany, version } from "./command.ts";

/** Limits that the machine's own hard limits allow: podman's defaults may be above them. */
const LIMITS = ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=1000:1000"];

/** podman's locks, of all stores of this machine; made by the first that runs. */
const LOCKS = "/dev/shm/libpod_lock";

export interface Podman extends Disposable {
  readonly name: string;
  readonly version: string;
  output(...args: string[]): string;
  timed(...args: string[]): number;
  /** Milliseconds of `count` times the same, some at a time. */
  many(count: number, atOnce: number, ...args: string[]): number;
  /** `run` and the options that it needs on a machine like this one. */
  readonly run: readonly string[];
}

/** podman over a store in `root`. Throws PeerMissing where there is none. */
export function openPodman(root: string): Podman {
  const versions = `${version("podman", "--version")}; ${version("crun", "--version")}`;
  const folder = mkdtempSync(join(tmpdir(), "nacre-podman-"));
  const hadLocks = existsSync(LOCKS);
  const store = [
    ...["--root", root, "--runroot", join(folder, "run"), "--tmpdir", join(folder, "tmp")],
    ...["--cgroup-manager", "cgroupfs", "--events-backend", "file"],
    ...["--storage-driver", "overlay", "--network-config-dir", join(folder, "networks")],
  ];
  return {
    name: "podman",
    version: versions,
    output: (...args) => output("podman", ...store, ...args),
    timed: (...args) => timed("podman", ...store, ...args),
    many: (count, atOnce, ...args) => timedMany(count, atOnce, "podman", ...store, ...args),
    run: ["run", "--cgroup-parent", `/${PEERS}`, ...LIMITS],
    [Symbol.dispose]: () => {
      try {
        output("podman", ...store, "rm", "--all", "--force");
      } finally {
        rmSync(folder, { recursive: true, force: true });
        if (!hadLocks) rmSync(LOCKS, { force: true });
      }
    },
  };
}
