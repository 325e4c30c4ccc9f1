// All files that cgroup directories can have.

import type { CgroupNode } from "./cgroup-node.ts";
import type { ControlFile } from "./control-file.ts";
import { BLKIO } from "./controllers/blkio.ts";
import { CPU } from "./controllers/cpu.ts";
import { CPUACCT } from "./controllers/cpuacct.ts";
import { CPUSET } from "./controllers/cpuset.ts";
import { DEVICES } from "./controllers/devices.ts";
import { FREEZER } from "./controllers/freezer.ts";
import { HUGETLB } from "./controllers/hugetlb.ts";
import { MEMBERSHIP } from "./controllers/membership.ts";
import { MEMORY } from "./controllers/memory.ts";
import { PIDS } from "./controllers/pids.ts";

const ALL: readonly ControlFile[] = [
  ...MEMBERSHIP,
  ...CPUSET,
  ...CPU,
  ...CPUACCT,
  ...BLKIO,
  ...MEMORY,
  ...DEVICES,
  ...FREEZER,
  ...HUGETLB,
  ...PIDS,
];

const byName = new Map<string, ControlFile[]>();
for (const file of ALL) byName.set(file.name, [...(byName.get(file.name) ?? []), file]);

function fits(file: ControlFile, node: CgroupNode): boolean {
  if (file.version !== node.hierarchy.version) return false;
  if (file.place !== undefined && (file.place === "root") !== (node.parent === undefined)) {
    return false;
  }
  return file.controller === undefined || node.controllers.includes(file.controller);
}

/** The names in a node's directory that are not nodes. */
export const controlFiles = (node: CgroupNode): readonly string[] =>
  ALL.filter((file) => fits(file, node)).map((file) => file.name);

export const controlFile = (node: CgroupNode, name: string): ControlFile | undefined =>
  byName.get(name)?.find((file) => fits(file, node));
