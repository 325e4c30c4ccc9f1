// The engine about itself, its disk, and what nobody needs any more.

import type { KernelFacts } from "@nacre/core/ports/kernel.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import type { Filters } from "./filters.ts";
import type { VolumeListing } from "./volume-interface.ts";

export interface PruneOptions {
  /** Also images that have a name, where no container needs them. */
  readonly all?: boolean;
  /** Also pinned namespaces that no process is in. */
  readonly pins?: boolean;
  /** Also volumes that no container has and no user named. */
  readonly volumes?: boolean;
  /** Only containers and images that were made before it, in milliseconds since the epoch; not with `volumes`. */
  readonly untilMs?: number;
  /** By `label` and `label!`: which containers, images and volumes. */
  readonly filters?: Filters;
}

export interface PruneReport {
  readonly containers: string[];
  /** Names that images had. */
  readonly untagged: readonly string[];
  /** IDs of images, and diff IDs of layers that no other has. */
  readonly images: readonly string[];
  readonly volumes: string[];
  /** Names of pins that were let go of. */
  readonly pins: string[];
  readonly reclaimedBytes: number;
}

export interface SystemInfo {
  readonly version: string;
  readonly root: string;
  readonly backend: string;
  readonly snapshotter: string;
  /** Whose subordinate IDs containers have that ask for no others. */
  readonly usernsRemap?: string;
  readonly kernel: KernelFacts;
  readonly cgroup: string;
  /** Whether there are cgroups that this user may make nodes in. */
  readonly cgroupDelegated: boolean;
  readonly containers: {
    readonly total: number;
    readonly running: number;
    readonly paused: number;
  };
  readonly images: number;
}

export interface ImageUsage {
  readonly image: ImageRecord;
  /** Normalised. */
  readonly references: readonly string[];
  /** Bytes that other images need, too: blobs, tars of layers, merged roots. */
  readonly sharedBytes: number;
  readonly uniqueBytes: number;
  /** How many containers were made of it. */
  readonly containers: number;
}

export interface DiskUsage {
  readonly images: readonly ImageUsage[];
  /** What all images need, each blob, tar and merged root once. */
  readonly imageBytes: number;
  /** Of these, what no image needs that has a container. */
  readonly unusedBytes: number;
  readonly containers: readonly {
    readonly container: ContainerRecord;
    readonly writtenBytes: number;
  }[];
  /** `sizeBytes` is absent for what is not kept below the state root. */
  readonly volumes: readonly (Pick<VolumeListing, "volume" | "users"> & {
    readonly sizeBytes?: number;
  })[];
}

export interface CheckOptions {
  /** Whether every blob and layer is read and held against its digest; true if absent. */
  readonly digests?: boolean;
  /** Whether what can be mended from what is here is mended. */
  readonly repair?: boolean;
}

/** Something that is wrong with the store. */
export interface StoreProblem {
  /**
   * - `damage`: something is missing or wrong that an image or a container needs
   * - `torn`: a file that was not flushed when the machine went down; its next use finds it out
   * - `leftover`: harmless; the next prune takes it
   */
  readonly severity: "damage" | "torn" | "leftover";
  /** A path, or a record as `kind key`. */
  readonly subject: string;
  readonly reason: string;
}

export interface CheckReport {
  /** What was found. */
  readonly found: readonly StoreProblem[];
  /** Of it, what is still so after a repair; without one the same. */
  readonly left: readonly StoreProblem[];
}

export interface System {
  /** Whether records and files agree, and mends it where asked. */
  check(options?: CheckOptions): Promise<CheckReport>;
  /** The snapshotter of new containers. */
  readonly snapshotter: string;
  /** Of this engine and its machine; asks the kernel, and nothing of the network. */
  info(): SystemInfo;
  /** To the byte, with what is shared counted once. */
  diskUsage(): Promise<DiskUsage>;
  /** Removes stopped containers, dangling images, what killed processes left, and what the options add. NacreError `invalid` for a filter that there is not, before anything goes. */
  prune(options?: PruneOptions): Promise<PruneReport>;
}
