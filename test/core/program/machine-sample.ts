import { NacreError } from "@nacre/core/error.ts";
import { CAPABILITIES } from "@nacre/core/program/capabilities.ts";
import type { MachineFacts } from "@nacre/core/program/resource-spec.ts";

/** Four processors, one memory node, a disk, and swap that is counted. */
export const MACHINE: MachineFacts = {
  device: (path) => {
    if (path === "/dev/sda") return { major: 8, minor: 0, type: "block" };
    if (path === "/dev/fuse") return { major: 10, minor: 229, type: "character" };
    throw new NacreError("not-found", `${path} is no device of this machine`);
  },
  devicesBelow: (path) => (path === "/dev/snd" ? ["/dev/snd/a", "/dev/snd/by/b"] : undefined),
  allDevices: () => ["/dev/null", "/dev/sda", "/dev/fuse"],
  capabilities: () => CAPABILITIES.filter((name) => name !== "CAP_SYS_RESOURCE"),
  countsSwap: () => true,
  processors: () => 4,
  size: () => ({ cpus: "0-3", mems: "0" }),
};

/** Of the only other container there is. */
export function namespaceOf(container: string, type: string): string {
  if (container === "other") return `/proc/7/ns/${type}`;
  throw new NacreError("not-found", `no such container: ${container}`);
}
