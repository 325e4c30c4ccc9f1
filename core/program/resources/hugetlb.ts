// Huge pages, each size by itself.
// Source: Linux, Documentation/admin-guide/cgroup-v1/hugetlb.rst, cgroup-v2.rst.

import type { SpecResources } from "../../oci/runtime-spec.ts";
import type { CgroupWrite, ControllerWrites } from "./write.ts";

const writes =
  (file: (size: string) => string) =>
  ({ hugepageLimits = [] }: SpecResources): CgroupWrite[] =>
    hugepageLimits.map(({ pageSize, limit }) => ({
      controller: "hugetlb",
      file: file(pageSize),
      data: String(limit),
      why: "how much of the machine's huge pages it may have",
    }));

export const hugetlb: ControllerWrites = {
  v1: writes((size) => `hugetlb.${size}.limit_in_bytes`),
  v2: writes((size) => `hugetlb.${size}.max`),
};
