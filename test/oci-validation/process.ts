// Checks of the process (config.md, "Process", "Hostname"; config-linux.md, "Sysctl", "Seccomp").

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { demand, type Made, type ValidationBench } from "./bench.ts";
import type { Check } from "./check.ts";
import { type Config, inAllSets } from "./config.ts";
import { foundInside } from "./inside.ts";
import { capabilitiesHere } from "./machine.ts";

type Process = NonNullable<Config["process"]>;
const withProcess = (change: (process: Process) => void) => (config: Config) => {
  if (config.process) change(config.process);
};

function refused(bench: ValidationBench, why: string, change: (config: Config) => void): void {
  const made: Made = bench.prepared("true", change);
  bench.refuses(why, "create", "--bundle", made.bundle, made.id);
  demand(bench.state(made.id) === undefined, "what was refused is there");
}

const GIGABYTE = 1024 ** 3;

export const PROCESS: readonly Check[] = [
  {
    name: "default",
    asks: "a usual configuration is what a process finds",
    holds: (bench) => foundInside(bench, {}),
  },
  {
    name: "process",
    asks: "a process has its directory and its environment",
    holds: (bench) =>
      foundInside(bench, {
        change: withProcess((process) => {
          process.cwd = "/test";
          process.env.push("testa=valuea", "testb=123");
        }),
        prepare: (root) => mkdirSync(join(root, "test"), { mode: 0o700 }),
      }),
  },
  {
    name: "process_capabilities",
    asks: "a process has all capabilities that it is given",
    holds: (bench) =>
      foundInside(bench, {
        change: withProcess((process) => {
          process.capabilities = inAllSets(capabilitiesHere());
        }),
      }),
  },
  {
    name: "process_capabilities_fail",
    asks: "until version 1.0 a capability that there is not is an error",
    async holds(bench) {
      refused(
        bench,
        "CAP_TEST is taken",
        withProcess((process) => process.capabilities.bounding.push("CAP_TEST")),
      );
    },
  },
  {
    name: "process_oom_score_adj",
    asks: "a process has its score for the OOM killer",
    holds: (bench) =>
      foundInside(bench, {
        change: withProcess((process) => {
          process.oomScoreAdj = 500;
        }),
      }),
  },
  {
    name: "process_rlimits",
    asks: "a process has its limits",
    holds: (bench) =>
      foundInside(bench, {
        change: withProcess((process) => {
          const sizes = ["AS", "CORE", "DATA", "FSIZE", "STACK"].map((name, i) => ({
            type: `RLIMIT_${name}`,
            hard: (2 * i + 2) * GIGABYTE,
            soft: (2 * i + 1) * GIGABYTE,
          }));
          process.rlimits = [
            ...sizes,
            { type: "RLIMIT_CPU", hard: 120, soft: 60 },
            { type: "RLIMIT_NOFILE", hard: 4000, soft: 3000 },
          ];
        }),
      }),
  },
  {
    name: "process_rlimits_fail",
    asks: "a limit that there is not is an error",
    async holds(bench) {
      refused(
        bench,
        "RLIMIT_TEST is taken",
        withProcess((process) =>
          process.rlimits.push({ type: "RLIMIT_TEST", soft: 1024, hard: 1024 }),
        ),
      );
    },
  },
  {
    name: "process_user",
    asks: "a process has its user, its groups and its umask",
    holds: (bench) =>
      foundInside(bench, {
        change: withProcess((process) => {
          process.user = { uid: 10, gid: 10, additionalGids: [5], umask: 0o002 };
        }),
      }),
  },
  {
    name: "hostname",
    asks: "the host's name is the one that is given, or is let be",
    async holds(bench) {
      for (const hostname of ["", "hostname-specific"]) {
        await foundInside(bench, { change: (config) => Object.assign(config, { hostname }) });
      }
    },
  },
  {
    name: "linux_sysctl",
    asks: "kernel parameters of its namespaces are set",
    holds: (bench) =>
      foundInside(bench, {
        change: ({ linux }) => {
          linux.sysctl = { "net.ipv4.ip_forward": "1" };
        },
      }),
  },
  {
    name: "linux_seccomp",
    asks: "a call that is to fail does",
    async holds(bench) {
      const made = bench.prepared("unset PWD; pwd -P >/dev/null 2>&1 || echo refused", (config) => {
        config.linux.seccomp = {
          defaultAction: "SCMP_ACT_ALLOW",
          architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
          syscalls: [{ names: ["getcwd"], action: "SCMP_ACT_ERRNO" }],
        };
        if (config.process) config.process.args = ["/bin/readlink", "-f", "."];
      });
      const output = await bench.lived(made);
      demand(output.trim() !== "/", `getcwd works: ${output}`);
    },
  },
  {
    name: "linux_process_apparmor_profile",
    asks: "a profile is put on where the machine has AppArmor; where not, nothing comes of it",
    holds: (bench) =>
      foundInside(bench, {
        change: withProcess((process) => {
          process.apparmorProfile = "unconfined";
        }),
      }),
  },
];
