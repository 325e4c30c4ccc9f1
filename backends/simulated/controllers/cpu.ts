// The cpu controller: weights and quotas. What they do is told in cpu-scheduler.ts.
// Source: Linux, kernel/sched/core.c; scheduler/sched-bwc.rst; cgroup-v2.rst, CPU.

import type { CgroupNode } from "../cgroup-node.ts";
import { type ControlContext, type ControlFile, filesOf, lines } from "../control-file.ts";
import { between, signed, unsigned } from "../control-value.ts";
import { fail } from "../errno.ts";

/** MAX_BW of kernel/sched/sched.h, in microseconds. */
const TIME_MAX_US = 2 ** 44 - 1;
/** Every step of nice is worth about a quarter. */
const NICE_STEP = 1.25;

const ns = (ms: number): number => Math.round(ms * 1e6);
const us = (ms: number): number => Math.round(ms * 1e3);

/** Writes something and tells the scheduler. */
const scheduled =
  (write: (node: CgroupNode, text: string) => void) =>
  (node: CgroupNode, text: string, context: ControlContext): void => {
    write(node, text);
    context.resources.cpu.limitsChanged(node);
  };

const isIdle = (node: CgroupNode): boolean => node.values.get("cpu.idle") === "1";

const idle = {
  read: (node: CgroupNode) => `${isIdle(node) ? 1 : 0}\n`,
  write: scheduled((node, text) => {
    const value = between(text, 0, 1);
    if (!node.parent) fail("EINVAL");
    if (value === (isIdle(node) ? 1 : 0)) return;
    node.values.set("cpu.idle", String(value));
    // Its weight from before is forgotten.
    node.setLimit("cpuWeight", node.hierarchy.version === 1 ? 1024 : 100);
  }),
};

/** cpu.rt_runtime_us: kept, but there are no real-time processes that it would limit. */
const realTime = {
  "cpu.rt_period_us": {
    read: (node: CgroupNode) => `${node.values.get("cpu.rt_period_us") ?? 1_000_000}\n`,
    write: (node: CgroupNode, text: string) => {
      const period = unsigned(text);
      const runtime = Number(node.values.get("cpu.rt_runtime_us") ?? (node.parent ? 0 : 950_000));
      if (period === 0 || runtime > period) fail("EINVAL");
      node.values.set("cpu.rt_period_us", String(period));
    },
  },
  "cpu.rt_runtime_us": {
    read: (node: CgroupNode) =>
      `${node.values.get("cpu.rt_runtime_us") ?? (node.parent ? 0 : 950_000)}\n`,
    write: (node: CgroupNode, text: string) => {
      const runtime = Math.max(signed(text), -1);
      const above = Number(node.parent?.values.get("cpu.rt_runtime_us") ?? 0);
      if (node.parent?.parent && (runtime < 0 || runtime > above)) fail("EINVAL");
      if (runtime > Number(node.values.get("cpu.rt_period_us") ?? 1_000_000)) fail("EINVAL");
      node.values.set("cpu.rt_runtime_us", String(runtime));
    },
  },
};

const SEPARATE = filesOf(1, "cpu", {
  "cpu.shares": {
    read: (node) => `${isIdle(node) ? 3 : node.limit("cpuWeight")}\n`,
    write: scheduled((node, text) => {
      const shares = unsigned(text);
      if (isIdle(node)) fail("EINVAL");
      node.setLimit("cpuWeight", Math.min(shares, 2 ** 53));
    }),
  },
  "cpu.cfs_quota_us": {
    read: (node) => `${quotaOf(node)}\n`,
    write: scheduled((node, text) => node.setLimit("cpuQuota", signed(text))),
  },
  "cpu.cfs_period_us": {
    read: (node) => `${node.limit("cpuPeriod")}\n`,
    write: scheduled((node, text) => node.setLimit("cpuPeriod", unsigned(text))),
  },
  "cpu.cfs_burst_us": {
    read: (node) => `${node.limit("cpuBurst")}\n`,
    write: scheduled((node, text) => node.setLimit("cpuBurst", unsigned(text))),
  },
  "cpu.idle": idle,
  ...realTime,
  "cpu.stat": {
    read: (node, { resources }) => {
      const bandwidth = resources.cpu.bandwidthOf(node);
      return lines({
        nr_periods: bandwidth.periods,
        nr_throttled: bandwidth.throttledPeriods,
        throttled_time: ns(bandwidth.throttledMs),
        nr_bursts: bandwidth.bursts,
        burst_time: ns(bandwidth.burstMs),
      });
    },
  },
  "cpu.stat.local": {
    read: (node, { resources }) =>
      lines({ throttled_time: ns(resources.cpu.bandwidthOf(node).throttledMs) }),
  },
});

function quotaOf(node: CgroupNode): number {
  const quota = node.limit("cpuQuota");
  return quota === "max" ? -1 : quota;
}

/** `max`, `max 100000` or `50000 100000`: both or neither. */
function setMaximum(node: CgroupNode, text: string): void {
  const [, word = "", given] = /^\s*(max|\d+)(?:\s+(\d+))?/.exec(text) ?? fail("EINVAL");
  const period = given === undefined ? Number(node.limit("cpuPeriod")) : Number(given);
  if (word !== "max" && Number(word) > TIME_MAX_US) fail("EINVAL");
  const before = node.limit("cpuPeriod");
  node.setLimit("cpuPeriod", period);
  try {
    node.setLimit("cpuQuota", word === "max" ? "max" : Number(word));
  } catch (error) {
    node.setLimit("cpuPeriod", before);
    throw error;
  }
}

/** The nice value whose weight is nearest. */
function niceOf(weight: number): number {
  const nice = -Math.round(Math.log(weight / 100) / Math.log(NICE_STEP));
  return Math.min(19, Math.max(-20, nice));
}

const UNIFIED = [
  ...filesOf(2, "cpu", {
    "cpu.weight": {
      place: "below",
      read: (node) => `${isIdle(node) ? 0 : node.limit("cpuWeight")}\n`,
      write: scheduled((node, text) => {
        const weight = unsigned(text);
        if (weight < 1 || weight > 10000) fail("ERANGE");
        if (isIdle(node)) fail("EINVAL");
        node.setLimit("cpuWeight", weight);
      }),
    },
    "cpu.weight.nice": {
      place: "below",
      read: (node) => `${isIdle(node) ? 20 : niceOf(Number(node.limit("cpuWeight")))}\n`,
      write: scheduled((node, text) => {
        const nice = signed(text);
        if (nice < -20 || nice > 19) fail("ERANGE");
        node.setLimit("cpuWeight", Math.max(1, Math.round(100 / NICE_STEP ** nice)));
      }),
    },
    "cpu.max": {
      place: "below",
      read: (node) => `${node.limit("cpuQuota")} ${node.limit("cpuPeriod")}\n`,
      write: scheduled(setMaximum),
    },
    "cpu.max.burst": {
      place: "below",
      read: (node) => `${node.limit("cpuBurst")}\n`,
      write: scheduled((node, text) => node.setLimit("cpuBurst", unsigned(text))),
    },
    "cpu.idle": { place: "below", ...idle },
  }),
  ...filesOf(2, undefined, {
    "cpu.stat": {
      read: (node, { resources }) => {
        const usage = resources.cpu.usageOf(node);
        const times = lines({
          usage_usec: us(usage.sumMs),
          user_usec: us(usage.sumMs),
          system_usec: 0,
          nice_usec: us(usage.niceMs),
        });
        if (!node.parent || !node.controllers.includes("cpu")) return times;
        const bandwidth = resources.cpu.bandwidthOf(node);
        return `${times}${lines({
          nr_periods: bandwidth.periods,
          nr_throttled: bandwidth.throttledPeriods,
          throttled_usec: us(bandwidth.throttledMs),
          nr_bursts: bandwidth.bursts,
          burst_usec: us(bandwidth.burstMs),
        })}`;
      },
    },
  }),
];

export const CPU: readonly ControlFile[] = [...SEPARATE, ...UNIFIED];
