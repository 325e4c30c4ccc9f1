// Processor time: a share of it when others want it too, and a quota in each period, whoever else
// is there. Realtime tasks have a budget of their own, on v1 alone.
// Sources: Linux, Documentation/scheduler/sched-bwc.rst, sched-rt-group.rst, cgroup-v2.rst.

import { cpuMax, sharesToWeight } from "../../cgroup-conversion.ts";
import type { SpecResources } from "../../oci/runtime-spec.ts";
import { type CgroupWrite, type ControllerWrites, isGiven } from "./write.ts";

const WHY = {
  shares: "its share of the processors when others want them too",
  period: "the length of time over which its quota counts, in microseconds",
  quota: "how long it may run in each period, in microseconds of all processors together",
  burst: "how much of what it left unused it may run later at once, in microseconds",
  idle: "it runs when nobody else wants to",
  both: "how long it may run in each period, both in microseconds",
  realtime: "how long its realtime tasks may run in each of their periods, in microseconds",
};

const write = (file: string, data: string, why: string): CgroupWrite => ({
  ...{ controller: "cpu", file, data, why },
});

function v1({ cpu }: SpecResources): CgroupWrite[] {
  if (!cpu) return [];
  const { shares, period, quota, burst, idle, realtimePeriod, realtimeRuntime } = cpu;
  const writes: CgroupWrite[] = [];
  if (isGiven(shares)) writes.push(write("cpu.shares", String(shares), WHY.shares));
  if (isGiven(period)) writes.push(write("cpu.cfs_period_us", String(period), WHY.period));
  if (isGiven(quota)) writes.push(write("cpu.cfs_quota_us", String(quota), WHY.quota));
  if (isGiven(burst)) writes.push(write("cpu.cfs_burst_us", String(burst), WHY.burst));
  if (isGiven(idle)) writes.push(write("cpu.idle", String(idle), WHY.idle));
  if (isGiven(realtimePeriod)) {
    writes.push(write("cpu.rt_period_us", String(realtimePeriod), WHY.realtime));
  }
  if (isGiven(realtimeRuntime)) {
    writes.push(write("cpu.rt_runtime_us", String(realtimeRuntime), WHY.realtime));
  }
  return writes;
}

function v2({ cpu }: SpecResources): CgroupWrite[] {
  if (!cpu) return [];
  const { shares = 0, period = 0, quota = 0, burst, idle } = cpu;
  const writes: CgroupWrite[] = [];
  const weight = sharesToWeight(shares);
  if (weight > 0) writes.push(write("cpu.weight", String(weight), WHY.shares));
  const line = cpuMax(quota, period);
  if (line !== undefined) writes.push(write("cpu.max", line, WHY.both));
  if (isGiven(burst)) writes.push(write("cpu.max.burst", String(burst), WHY.burst));
  if (isGiven(idle)) writes.push(write("cpu.idle", String(idle), WHY.idle));
  return writes;
}

export const cpu: ControllerWrites = { v1, v2 };
