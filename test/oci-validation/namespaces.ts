// Checks of namespaces and the maps of user namespaces (config-linux.md, "Namespaces").

import { type ChildProcess, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { demand, type ValidationBench } from "./bench.ts";
import type { Check } from "./check.ts";
import { type Config, withNamespace, withoutNamespace } from "./config.ts";
import { foundInside, seenOutside } from "./inside.ts";

/** Name in /proc/PID/ns, and in config.json. */
const KINDS: Readonly<Record<string, string>> = {
  ...{ cgroup: "cgroup", ipc: "ipc", mnt: "mount", net: "network" },
  ...{ pid: "pid", user: "user", uts: "uts" },
};
const names = Object.keys(KINDS);

const of = (pid: number | "self", name: string): string => readlinkSync(`/proc/${pid}/ns/${name}`);

const mapped = (size: number) => [{ containerID: 0, hostID: 1000, size }];

/** A process in a new namespace, until `use` is over. */
async function beside(flag: string, name: string, use: (path: string) => Promise<void>) {
  const holder: ChildProcess = spawn("unshare", [flag, "--fork", "sleep", "1000"], {
    detached: true,
    stdio: "ignore",
  });
  const path = `/proc/${holder.pid}/ns/${name === "pid" ? "pid_for_children" : name}`;
  try {
    for (let tries = 0; tries < 150; tries++) {
      if (readlinkSync(path) !== of("self", name)) break;
      await sleep(20);
    }
    await use(path);
  } finally {
    process.kill(-(holder.pid as number), "SIGKILL");
  }
}

async function joined(bench: ValidationBench, flag: string, name: string): Promise<void> {
  await beside(flag, name, async (path) => {
    const wanted = readlinkSync(path);
    await seenOutside(
      bench,
      (config) => withNamespace(config, KINDS[name] as string, path),
      (pid) => demand(of(pid, name) === wanted, `${name} is ${of(pid, name)}, not ${wanted}`),
    );
  });
}

/** A type with the path of a namespace of the type after it. */
function mismatched(bench: ValidationBench, name: string, other: string): void {
  const made = bench.prepared("true", (config) =>
    withNamespace(config, KINDS[name] as string, `/proc/self/ns/${other}`),
  );
  bench.refuses(
    `${KINDS[name]} is taken from ${other}`,
    ...["create", "--bundle", made.bundle, made.id],
  );
}

function everyNamespaceAnew(config: Config): void {
  for (const type of Object.values(KINDS)) withNamespace(config, type);
  config.linux.uidMappings = mapped(1000);
  config.linux.gidMappings = mapped(1000);
}

export const NAMESPACES: readonly Check[] = [
  {
    name: "linux_ns_itype",
    asks: "a namespace that is not named is the runtime's own, the mount namespace too",
    async holds(bench) {
      await seenOutside(
        bench,
        (config) => {
          for (const type of Object.values(KINDS)) withoutNamespace(config, type);
          delete config.hostname;
        },
        (pid) => {
          const others = names.filter((name) => of(pid, name) !== of("self", name));
          demand(others.length === 0, `not ours: ${others}`);
        },
      );
      demand(bench.mounts().length === 0, `mounts are left: ${bench.mounts()}`);
    },
  },
  {
    name: "linux_ns_nopath",
    asks: "a namespace that is named without a path is a new one",
    async holds(bench) {
      await seenOutside(bench, everyNamespaceAnew, (pid) => {
        const same = names.filter((name) => of(pid, name) === of("self", name));
        demand(same.length === 0, `ours: ${same}`);
      });
    },
  },
  {
    name: "linux_ns_path",
    asks: "a namespace that is named by a path is that one",
    async holds(bench) {
      for (const [flag, name] of [
        ["--ipc", "ipc"],
        ["--mount", "mnt"],
        ["--net", "net"],
        ["--pid", "pid"],
        ["--uts", "uts"],
      ] as const) {
        await joined(bench, flag, name);
      }
    },
  },
  {
    name: "linux_ns_path_type",
    asks: "a path that is no namespace of its type is an error",
    async holds(bench) {
      const order = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "cgroup"];
      for (const [i, name] of order.slice(0, -1).entries()) {
        mismatched(bench, name, order[i + 1] as string);
      }
    },
  },
  {
    name: "linux_uid_mappings",
    asks: "a user namespace has its maps",
    async holds(bench) {
      await foundInside(bench, {
        change(config) {
          withNamespace(config, "user");
          config.linux.uidMappings = mapped(2000);
          config.linux.gidMappings = mapped(3000);
        },
      });
    },
  },
];
