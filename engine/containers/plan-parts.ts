// What the plan of a container is put together from, beside its root.

import type { RootPlan } from "@nacre/core/ports/snapshotter.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { SecretPlan } from "../secrets/secret-files.ts";
import type { MountPlan } from "./mounts.ts";

/** Before the root of the `host` image is opened to hide the state root, in which mounts lie. */
export const withMounts = (
  { host, child }: RootPlan,
  mounted: Pick<MountPlan, "host" | "child">,
  more: readonly Operation[] = [],
): RootPlan => ({
  host: [...host, ...mounted.host, ...more],
  child: [...mounted.child, ...child],
});

/** What a step of a build has beside a container's own: kept in no record. */
export interface StepMounts extends MountPlan {
  /** Puts files into the memory that holds the container's own of /etc. */
  readonly files: readonly Operation[];
  /** Instead of the root that its image has. */
  readonly root?: RootPlan;
}

export const NO_STEP: StepMounts = { host: [], child: [], mounts: [], files: [] };

/** What most containers have. */
export const NO_SECRETS: SecretPlan = { files: [], mounts: [], environment: [] };

/** Those that are added win. */
export const withVariables = (
  request: ContainerRequest,
  variables: readonly string[],
): ContainerRequest => ({ ...request, environment: [...request.environment, ...variables] });
