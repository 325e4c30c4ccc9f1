// What a container may hold of RDMA devices.
// Source: Linux, Documentation/admin-guide/cgroup-v1/rdma.rst, cgroup-v2.rst.

import type { SpecResources } from "../../oci/runtime-spec.ts";
import type { CgroupWrite, ControllerWrites } from "./write.ts";

const part = (name: string, value: number | undefined): string[] =>
  value === undefined ? [] : [`${name}=${value}`];

const writes = ({ rdma = {} }: SpecResources): CgroupWrite[] =>
  Object.entries(rdma).map(([device, { hcaHandles, hcaObjects }]) => ({
    controller: "rdma",
    file: "rdma.max",
    data: [device, ...part("hca_handle", hcaHandles), ...part("hca_object", hcaObjects)].join(" "),
    why: "how much it may hold of an RDMA device",
  }));

export const rdma: ControllerWrites = { v1: writes, v2: writes };
