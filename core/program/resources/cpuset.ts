// Which processors and memory nodes a container may use. On v1 a group without them takes no
// process, and a new group has none: what is not asked for is what the machine has.
// Source: Linux, Documentation/admin-guide/cgroup-v1/cpusets.rst, cgroup-v2.rst.

import type { SpecResources } from "../../oci/runtime-spec.ts";
import type { CgroupWrite, ControllerWrites } from "./write.ts";

const WHY = {
  cpus: "the processors that it may run on",
  mems: "the memory nodes that its pages may lie on",
};

const both = (cpus: string | undefined, mems: string | undefined): CgroupWrite[] => [
  ...(cpus ? [{ controller: "cpuset", file: "cpuset.cpus", data: cpus, why: WHY.cpus }] : []),
  ...(mems ? [{ controller: "cpuset", file: "cpuset.mems", data: mems, why: WHY.mems }] : []),
];

const writes = ({ cpu }: SpecResources): CgroupWrite[] => both(cpu?.cpus, cpu?.mems);

export const cpuset: ControllerWrites = { v1: writes, v2: writes };
