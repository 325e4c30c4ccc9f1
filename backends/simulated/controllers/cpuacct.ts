// CPU time that a node's processes, and those below it, have used.
// Source: Linux, kernel/sched/cpuacct.c. All of it is user time: programs here are.

import type { CgroupNode } from "../cgroup-node.ts";
import {
  type ControlContext,
  type ControlFile,
  constant,
  filesOf,
  lines,
} from "../control-file.ts";
import { unsigned } from "../control-value.ts";
import { fail } from "../errno.ts";

const ns = (ms: number): number => Math.round(ms * 1e6);
/** USER_HZ is 100. */
const ticks = (ms: number): number => Math.floor(ms / 10);

const usage = (node: CgroupNode, { resources }: ControlContext) => resources.cpu.usageOf(node);
const sum = (node: CgroupNode, context: ControlContext): string =>
  `${ns(usage(node, context).sumMs)}\n`;
const perCpu = (node: CgroupNode, context: ControlContext): string =>
  `${usage(node, context)
    .perCpuMs.map((ms) => `${ns(ms)} `)
    .join("")}\n`;
const none = (_node: CgroupNode, { cpus }: ControlContext): string => `${"0 ".repeat(cpus)}\n`;

export const CPUACCT: readonly ControlFile[] = filesOf(1, "cpuacct", {
  "cpuacct.usage": {
    read: sum,
    write: (node, text, context) => {
      if (unsigned(text) !== 0) fail("EINVAL");
      usage(node, context).reset();
    },
  },
  "cpuacct.usage_user": { read: sum },
  "cpuacct.usage_sys": constant("0"),
  "cpuacct.usage_percpu": { read: perCpu },
  "cpuacct.usage_percpu_user": { read: perCpu },
  "cpuacct.usage_percpu_sys": { read: none },
  "cpuacct.usage_all": {
    read: (node, context) =>
      `cpu user system\n${usage(node, context)
        .perCpuMs.map((ms, cpu) => `${cpu} ${ns(ms)} 0\n`)
        .join("")}`,
  },
  "cpuacct.stat": {
    read: (node, context) => lines({ user: ticks(usage(node, context).sumMs), system: 0 }),
  },
});
