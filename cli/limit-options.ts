// The options that hold a container of run and create and a step of build to the same. What reads
// their values is loaded when one is given: a build seldom has any.

import { list, text, value } from "./options.ts";
import { parseMemoryLimit, parseMemorySwap } from "./parse/bytes.ts";
import { parseInteger } from "./parse/number.ts";
import { parseUlimit } from "./parse/ulimit.ts";

export const RESOURCE_LIMITS = {
  cpuPeriod: value(
    ["cpu-period"],
    "microseconds",
    "Length of the period over which --cpu-quota counts, 1000 to 1000000",
    parseInteger,
  ),
  cpuQuota: value(
    ["cpu-quota"],
    "microseconds",
    "Processor time in each period, of all processors together (-1 for no limit)",
    parseInteger,
  ),
  cpuShares: value(
    ["cpu-shares", "c"],
    "int",
    "Share of the processors beside others that want them (usually 1024)",
    parseInteger,
  ),
  cpusetCpus: text(["cpuset-cpus"], "list", "CPUs that it may use, such as 0-3 or 0,1"),
  cpusetMems: text(["cpuset-mems"], "list", "Memory nodes that it may use, such as 0-3 or 0,1"),
  memory: value(["memory", "m"], "bytes", "Memory limit, such as 64m or 1g", (word) =>
    parseMemoryLimit(word),
  ),
  memorySwap: value(
    ["memory-swap"],
    "bytes",
    "Limit of memory and swap together (-1 for any amount of swap; twice the memory by default)",
    (word) => parseMemorySwap(word),
  ),
};

export const PROCESS_LIMITS = {
  cgroupParent: text(
    ["cgroup-parent"],
    "path|slice",
    "The cgroup below which the container's own is made (default /nacre)",
  ),
  securityOpt: list(
    ["security-opt"],
    "option",
    "seccomp=FILE|unconfined, no-new-privileges, apparmor=PROFILE, label=…, systempaths=unconfined",
    String,
    [
      "no-new-privileges",
      "seccomp=unconfined",
      "apparmor=unconfined",
      "label=disable",
      "systempaths=unconfined",
    ],
  ),
  ulimit: list(["ulimit"], "name=soft[:hard]", "A resource limit of the process", (word) =>
    parseUlimit(word),
  ),
};
