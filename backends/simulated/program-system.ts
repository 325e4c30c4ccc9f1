// The system calls of a program that change or name the machine and not its files.

import type { Machine } from "./machine.ts";
import { moveMount, newMount, openTree, unmount } from "./mount-calls.ts";
import { setHostname } from "./namespace-calls.ts";
import { lookup } from "./path-lookup.ts";
import type { Process } from "./process.ts";
import { getLimit, setLimit } from "./process-limits.ts";
import type { ProgramSystem } from "./program.ts";
import { requireCall } from "./seccomp.ts";

/** uname -m by OCI architecture. */
const MACHINES: Readonly<Record<string, string>> = { amd64: "x86_64", arm64: "aarch64" };

export function programSystem(machine: Machine, process: Process): ProgramSystem {
  const filtered = (call: string): void => requireCall(machine, process, call);
  return {
    name: () => ({
      system: "Linux",
      node: process.namespaces.uts.hostname,
      release: machine.release,
      version: "#1 SMP simulated",
      machine: MACHINES[machine.architecture] ?? machine.architecture,
    }),
    uptimeMs: () => machine.clock.monotonicMs(),
    setHostname: (name) => {
      filtered("sethostname");
      setHostname(process, name);
    },
    limit: (resource) => getLimit(process, resource),
    setLimit: (resource, limit) => {
      filtered("prlimit64");
      setLimit(process, resource, limit);
    },
    mount: (mount, target) =>
      machine.as(process, () => {
        filtered("mount");
        moveMount(machine, process, newMount(machine, process, mount), lookup(process, target));
      }),
    bind: (source, target, { recursive = false } = {}) =>
      machine.as(process, () => {
        filtered("mount");
        const tree = openTree(machine, process, lookup(process, source), { recursive });
        moveMount(machine, process, tree, lookup(process, target));
      }),
    unmount: (target, { detach = false } = {}) =>
      machine.as(process, () => {
        filtered("umount2");
        unmount(machine, process, target, { detach });
      }),
  };
}
