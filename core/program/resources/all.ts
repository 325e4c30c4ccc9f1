// All limits of a container, controller by controller.

import type { SpecResources } from "../../oci/runtime-spec.ts";
import { blockIO } from "./block-io.ts";
import { cpu } from "./cpu.ts";
import { cpuset } from "./cpuset.ts";
import { devices } from "./devices.ts";
import { hugetlb } from "./hugetlb.ts";
import { memory } from "./memory.ts";
import { network } from "./network.ts";
import { pids } from "./pids.ts";
import { rdma } from "./rdma.ts";
import { unified } from "./unified.ts";
import type { CgroupWrite } from "./write.ts";

const CONTROLLERS = [memory, cpu, cpuset, pids, blockIO, devices, hugetlb, network, rdma, unified];

/** What all controllers of a version are to be told, in an order in which the kernel takes it. */
export function resourceWrites(version: 1 | 2, resources: SpecResources): CgroupWrite[] {
  return CONTROLLERS.flatMap((each) => (version === 1 ? each.v1(resources) : each.v2(resources)));
}
