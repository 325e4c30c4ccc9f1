// Marks of packets, for those who shape and filter traffic: of v1 alone.
// Source: Linux, Documentation/admin-guide/cgroup-v1/net_cls.rst, net_prio.rst.

import type { SpecResources } from "../../oci/runtime-spec.ts";
import { type CgroupWrite, type ControllerWrites, isGiven } from "./write.ts";

function v1({ network }: SpecResources): CgroupWrite[] {
  const { classID, priorities = [] } = network ?? {};
  const marked: CgroupWrite[] = isGiven(classID)
    ? [
        {
          controller: "net_cls",
          file: "net_cls.classid",
          data: String(classID),
          why: "the class of its packets, for traffic control",
        },
      ]
    : [];
  return [
    ...marked,
    ...priorities.map(({ name, priority }) => ({
      controller: "net_prio",
      file: "net_prio.ifpriomap",
      data: `${name} ${priority}`,
      why: "the priority of its packets",
    })),
  ];
}

export const network: ControllerWrites = { v1, v2: () => [] };
