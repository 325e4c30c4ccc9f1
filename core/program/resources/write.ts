// What is written into a container's cgroup files: data, in the order in which the kernel takes it.

import type { SpecResources } from "../../oci/runtime-spec.ts";

/** One write(2) into one control file of a container's node. */
export interface CgroupWrite {
  /** The controller as its version's files begin: `blkio` on v1, `io` on v2. */
  readonly controller: string;
  readonly file: string;
  readonly data: string;
  readonly why: string;
}

/** A controller's limits in the files of both versions; empty where nothing is asked for. */
export interface ControllerWrites {
  readonly v1: (resources: SpecResources) => CgroupWrite[];
  readonly v2: (resources: SpecResources) => CgroupWrite[];
}

/** The runtime spec's numbers: 0 is not set, -1 no limit. */
export const isGiven = (limit: number | undefined): limit is number =>
  limit !== undefined && limit !== 0;
