// dockerd as we start it for a measurement: its store on the disk we give it, everything else in a
// temporary directory, no bridge, no firewall rule, no change of a sysctl; stopped and removed
// afterwards.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PEERS } from "./cgroups.ts";
import { output, PeerMissing, timed, timedMany, version } from "./command.ts";

const START_MS = 30_000;
/** dockerd writes it at its first start, wherever its store is. */
const KEY = "/etc/docker/key.json";

export interface Docker extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  /** Where its API is, as DOCKER_HOST says it. */
  readonly host: string;
  /** Standard output of `docker args…`. */
  output(...args: string[]): string;
  /** Milliseconds that `docker args…` takes. */
  timed(...args: string[]): number;
  /** Milliseconds of `count` times the same, some at a time. */
  many(count: number, atOnce: number, ...args: string[]): number;
}

const hostOf = (folder: string): string => `unix://${join(folder, "docker.sock")}`;

/** The client talks to our daemon alone, and reads nobody's configuration. */
function client(folder: string): string[] {
  return ["--config", join(folder, "client"), "--host", hostOf(folder)];
}

function daemonArguments(folder: string, dataRoot: string): string[] {
  writeFileSync(join(folder, "daemon.json"), "{}");
  return [
    ...["--config-file", join(folder, "daemon.json")],
    ...["--data-root", dataRoot, "--exec-root", join(folder, "exec")],
    ...["--pidfile", join(folder, "pid"), "--host", hostOf(folder)],
    ...["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"],
    ...["--ip-masq=false", "--cgroup-parent", `/${PEERS}`, "--storage-driver", "overlay2"],
    ...["--log-level", "error", "--exec-opt", "native.cgroupdriver=cgroupfs"],
  ];
}

async function untilReady(child: ChildProcess, folder: string): Promise<void> {
  const end = performance.now() + START_MS;
  for (;;) {
    try {
      output("docker", ...client(folder), "version");
      return;
    } catch (error) {
      if (child.exitCode === null && performance.now() < end) {
        await sleep(50);
        continue;
      }
      const words = readFileSync(join(folder, "log"), "utf8").trim().split("\n").at(-1);
      throw new PeerMissing(`dockerd does not start here: ${words || String(error)}`);
    }
  }
}

/** Containers in the machine's own network leave it bound in a directory of the daemon's. */
function leaveNetwork(folder: string): void {
  const bound = join(folder, "exec", "netns", "default");
  if (readFileSync("/proc/self/mounts", "utf8").includes(` ${bound} `)) {
    execFileSync("umount", [bound]);
  }
}

/** Starts dockerd with its store in `dataRoot`. Throws PeerMissing where it is absent or cannot run. */
export async function startDocker(dataRoot: string): Promise<Docker> {
  const versions = `${version("docker", "--version")}; ${version("dockerd", "--version")}`;
  const folder = mkdtempSync(join(tmpdir(), "nacre-docker-"));
  const hadKey = existsSync(KEY);
  const log = openSync(join(folder, "log"), "w");
  // It ends with whoever started it, also when that is killed.
  const command = ["--pdeathsig", "TERM", "dockerd", ...daemonArguments(folder, dataRoot)];
  const child = spawn("setpriv", command, {
    stdio: ["ignore", log, log],
    // On a busy machine its containerd leaves dumps of its threads there.
    env: { ...process.env, TMPDIR: folder },
  });
  closeSync(log);
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) {
      child.kill("SIGTERM");
      await ended;
    }
    leaveNetwork(folder);
    rmSync(folder, { recursive: true, force: true });
    if (!hadKey) rmSync(KEY, { force: true });
  };
  try {
    await untilReady(child, folder);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: "docker",
    version: versions,
    host: hostOf(folder),
    output: (...args) => output("docker", ...client(folder), ...args),
    timed: (...args) => timed("docker", ...client(folder), ...args),
    many: (count, atOnce, ...args) =>
      timedMany(count, atOnce, "docker", ...client(folder), ...args),
    [Symbol.asyncDispose]: stop,
  };
}
