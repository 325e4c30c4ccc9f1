// The system calls of a program that change or name the machine and not its files.

import { capable } from "./credentials.ts";
import { fail } from "./errno.ts";
import type { Machine } from "./machine.ts";
import { moveMount, newMount, openTree, unmount } from "./mount-calls.ts";
import { lookup } from "./path-lookup.ts";
import type { Process } from "./process.ts";
import type { ProgramSystem } from "./program.ts";
import { requireCall } from "./seccomp.ts";

/** uname -m by OCI architecture. */
const MACHINES: Readonly<Record<string, string>> = { amd64: "x86_64", arm64: "aarch64" };
const HOSTNAME_MAX_BYTES = 64;

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
      if (!capable(process.credentials, "CAP_SYS_ADMIN")) fail("EPERM");
      if (new TextEncoder().encode(name).length > HOSTNAME_MAX_BYTES) fail("EINVAL");
      process.namespaces.uts.hostname = name;
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
