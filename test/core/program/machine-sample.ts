import { NacreError } from "@nacre/core/error.ts";
import type { MachineFacts } from "@nacre/core/program/resource-spec.ts";

/** Four processors, one memory node, a disk, and swap that is counted. */
export const MACHINE: MachineFacts = {
  device: (path) => {
    if (path === "/dev/sda") return { major: 8, minor: 0 };
    throw new NacreError("not-found", `${path} is no device of this machine`);
  },
  countsSwap: () => true,
  size: () => ({ cpus: "0-3", mems: "0" }),
};
