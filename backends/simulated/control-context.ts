// What the control files of a machine's cgroups reach of it.

import { SIGNALS } from "@nacre/core/program/signals.ts";
import type { CgroupNode } from "./cgroup-node.ts";
import type { ControlContext } from "./control-file.ts";
import { capable } from "./credentials.ts";
import { fail } from "./errno.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";

/**
 * For the files of all hierarchies of a machine; who reads or writes is the process whose call is
 * served.
 */
export function controlContext(machine: Machine): ControlContext {
  const { processes } = machine;
  const here = (node: CgroupNode): Process[] => [...node.subtree()].flatMap((n) => n.processes);
  return {
    resources: machine.resources,
    cpus: machine.cpus,
    pidsOf: (node) =>
      node.processes
        .map((process) => process.pidIn(machine.current.namespaces.pid))
        .filter((pid) => pid !== undefined),
    rootOf: (of) => machine.current.namespaces.cgroup.roots.get(of) ?? of.root,
    move: (pid, node) => {
      const { current } = machine;
      const process = pid === 0 ? current : current.namespaces.pid.members.get(pid);
      if (!process) fail("ESRCH");
      // A zombie is in none any more, and nobody minds.
      if (!process.alive) return;
      machine.cgroups.move(process, node);
      processes.wake(process);
    },
    kill: (node) => {
      for (const process of here(node)) processes.exit(process, { code: 0, signal: SIGNALS.KILL });
    },
    frozen: (node) => {
      for (const process of here(node)) processes.wake(process);
    },
    inInitialNamespace: () => machine.current.namespaces.cgroup.roots.size === 0,
    requireAdministrator: () => {
      if (!capable(machine.current.credentials, "CAP_SYS_ADMIN")) fail("EPERM");
    },
  };
}
