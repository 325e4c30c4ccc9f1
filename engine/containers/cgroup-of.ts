import { cgroupPath } from "@nacre/core/program/cgroup-parent.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";

/** A container's node in every hierarchy. */
export const cgroupOf = ({ id, request }: Pick<ContainerRecord, "id" | "request">): string =>
  cgroupPath({ id, cgroupParent: request.cgroupParent });

/** The same by its ID; of one that is not there any more, as if it had named no parent. */
export type CgroupById = (id: string) => string;

/** @param find undefined for a container that is not there any more */
export function cgroupById(find: (id: string) => ContainerRecord | undefined): CgroupById {
  return (id) => {
    const record = find(id);
    return record ? cgroupOf(record) : cgroupPath({ id });
  };
}
