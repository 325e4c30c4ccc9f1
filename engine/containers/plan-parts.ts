// What the plan of a container is put together from, beside its root.

import type { Files } from "@nacre/core/ports/files.ts";
import type { RootPlan } from "@nacre/core/ports/snapshotter.ts";
import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { SecretPlan } from "../secrets/secret-files.ts";
import { cgroupOf } from "./cgroup-of.ts";
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

/**
 * The nodes that a process joins which joins a container. Where the container divides its node of
 * v2, nobody can be in that itself any more: it joins the group of the first process.
 */
export function joinedNodes(
  container: ContainerRecord,
  hierarchies: readonly MountedHierarchy[],
  files: Pick<Files, "status" | "readText">,
): string[] {
  const own = cgroupOf(container);
  const nodes = hierarchies
    .map(({ version, mountpoint }) => ({ version, mountpoint, node: mountpoint + own }))
    .filter(({ node }) => files.status(node));
  const { systemd, privileged } = container.request;
  const divides = systemd !== undefined || privileged === true;
  return nodes.map(({ version, mountpoint, node }) => {
    if (version !== 2 || !divides || nodes.length > 1) return node;
    const text = files.readText(`/proc/${container.process?.pid}/cgroup`);
    const path = /^0::(.*)$/m.exec(text)?.[1] ?? own;
    return path.startsWith(`${own}/`) ? mountpoint + path : node;
  });
}

/** What most containers have. */
export const NO_SECRETS: SecretPlan = { files: [], mounts: [], environment: [] };

/** What is added to those that were asked for wins over them. */
export function withVariables(
  { request, id }: Pick<ContainerRecord, "request" | "id">,
  added: readonly string[],
): ContainerRequest {
  const { systemd, environment } = request;
  // By the first systemd sees where it is; the second is the machine's ID of its journal.
  const own = systemd ? ["container=nacre", `container_uuid=${id.slice(0, 32)}`] : [];
  return { ...request, environment: [...own, ...environment, ...added] };
}
