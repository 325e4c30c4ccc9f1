// The engine's volumes as its users see them.

import type { VolumeRecord } from "@nacre/core/state/records.ts";
import type { ContainerName } from "./engine.ts";
import type { Filters } from "./filters.ts";

export interface VolumeRequestOptions {
  /** Absent: a name of its own, and it is removed as those of containers are. */
  readonly name?: string;
  /** Name of a VolumeDriver; absent: `local`. */
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface VolumeListing {
  readonly volume: VolumeRecord;
  /** Where it is on this machine, while it is mounted; empty if its driver is gone. */
  readonly mountpoint: string;
  /** Containers that have it, whether they run or not. */
  readonly users: readonly ContainerName[];
}

/** Values by key: `dangling`, `driver`, `label`, `label!`, `name`; of prune also `all`. */
export type VolumeFilters = Filters;

export interface Volumes {
  /** One that is there is returned as it is. NacreError `conflict` if that has another driver or other options, `invalid`. */
  create(wanted?: VolumeRequestOptions): Promise<VolumeRecord>;
  /** By name. NacreError `invalid` for an unknown filter. */
  list(filters?: VolumeFilters): Promise<VolumeListing[]>;
  /** NacreError `not-found`. */
  get(name: string): Promise<VolumeListing>;
  /** NacreError `in-use` naming who has it; `not-found` unless forced. */
  remove(name: string, options?: { readonly force?: boolean }): Promise<void>;
  /** Those that no container has: without `all` only those without a name of the user's. */
  prune(options?: {
    readonly all?: boolean;
    readonly filters?: VolumeFilters;
  }): Promise<{ readonly volumes: string[]; readonly reclaimedBytes: number }>;
}
