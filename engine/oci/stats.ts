// What an OCI container uses, in the shape that runc's `events` gave it and containerd and others
// read.

import type { OciRuntime } from "./oci-runtime.ts";

const whole = (text: string | undefined): number => {
  const number = Number(text?.trim());
  return Number.isFinite(number) ? number : 0;
};

/** `key value` a line. */
function table(text: string | undefined): Record<string, number> {
  const lines = (text ?? "").split("\n").map((line) => line.split(" "));
  return Object.fromEntries(
    lines.filter(([key]) => key).map(([key, value]) => [key as string, whole(value)]),
  );
}

type Read = (controller: string, file: string) => string | undefined;

function cpu(read: Read) {
  const own = table(read("cpuacct", "cpuacct.stat"));
  const unified = table(read("cpu", "cpu.stat"));
  const tick = 1e7; // nanoseconds in a clock tick of 1/100 s
  const total = read("cpuacct", "cpuacct.usage");
  return {
    usage: {
      total: total === undefined ? (unified.usage_usec ?? 0) * 1000 : whole(total),
      kernel: (own.system ?? 0) * tick || (unified.system_usec ?? 0) * 1000,
      user: (own.user ?? 0) * tick || (unified.user_usec ?? 0) * 1000,
    },
    throttling: {
      periods: unified.nr_periods ?? 0,
      throttledPeriods: unified.nr_throttled ?? 0,
      throttledTime: unified.throttled_time ?? (unified.throttled_usec ?? 0) * 1000,
    },
  };
}

function memory(read: Read) {
  const entry = (name: string) => ({
    limit: whole(read("memory", `memory.${name}limit_in_bytes`)),
    usage: whole(read("memory", `memory.${name}usage_in_bytes`)),
    max: whole(read("memory", `memory.${name}max_usage_in_bytes`)),
    failcnt: whole(read("memory", `memory.${name}failcnt`)),
  });
  const raw = table(read("memory", "memory.stat"));
  const current = read("memory", "memory.current");
  if (current === undefined) {
    return { cache: raw.cache ?? 0, usage: entry(""), swap: entry("memsw."), raw };
  }
  const limit = whole(read("memory", "memory.max"));
  const usage = {
    limit,
    usage: whole(current),
    max: whole(read("memory", "memory.peak")),
    failcnt: 0,
  };
  const swap = {
    limit: whole(read("memory", "memory.swap.max")),
    usage: whole(read("memory", "memory.swap.current")),
    max: 0,
    failcnt: 0,
  };
  return { cache: raw.file ?? 0, usage, swap, raw };
}

function blkio(read: Read) {
  const lines = (read("blkio", "blkio.throttle.io_service_bytes_recursive") ?? "").split("\n");
  const entries = lines.flatMap((line) => {
    const [, major, minor, op, value] = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line) ?? [];
    if (op === undefined) return [];
    return [{ major: Number(major), minor: Number(minor), op, value: Number(value) }];
  });
  return { ioServiceBytesRecursive: entries };
}

/** @throws NacreError `not-found` */
export function containerStats(runtime: OciRuntime, id: string): unknown {
  const { cgroupPath } = runtime.records.get(id);
  const { hierarchies, sight } = runtime.machine;
  const read: Read = (controller, file) => {
    const v1 = hierarchies.find((h) => h.version === 1 && h.controllers.includes(controller));
    const own = v1 ?? hierarchies.find((h) => h.version === 2);
    return own && sight.read(`${own.mountpoint}${cgroupPath}/${file}`);
  };
  return {
    cpu: cpu(read),
    cpuset: {},
    memory: memory(read),
    pids: {
      current: whole(read("pids", "pids.current")),
      limit: whole(read("pids", "pids.max")),
    },
    blkio: blkio(read),
    hugetlb: {},
    intel_rdt: {},
    network_interfaces: null,
  };
}
