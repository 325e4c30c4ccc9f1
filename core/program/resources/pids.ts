// How many processes and threads there may be; fork(2) fails with EAGAIN at the limit.
// Source: Linux, Documentation/admin-guide/cgroup-v1/pids.rst.

import type { SpecResources } from "../../oci/runtime-spec.ts";
import type { CgroupWrite, ControllerWrites } from "./write.ts";

function writes({ pids }: SpecResources): CgroupWrite[] {
  if (!pids) return [];
  const data = pids.limit > 0 ? String(pids.limit) : "max";
  const why = "so that it cannot fill the machine's process table";
  return [{ controller: "pids", file: "pids.max", data, why }];
}

export const pids: ControllerWrites = { v1: writes, v2: writes };
