// What a container sees of its cgroups, at /sys/fs/cgroup.

import type { Spec, SpecMount } from "../oci/runtime-spec.ts";
import { type MountedHierarchy, SYSTEMD_HIERARCHY } from "./cgroup-plan.ts";
import { mountFlags } from "./mount-options.ts";
import type { Operation } from "./operation.ts";

const LIMITS_WHY = "its own limits, to read: the cgroup namespace makes its node the root";
const SYSTEMD_WHY = "systemd's services have nodes below its own";

/** The child's /sys/fs/cgroup: on v1 a directory of hierarchies, on v2 the hierarchy itself. */
export function cgroupMounts(
  mount: SpecMount,
  hierarchies: readonly MountedHierarchy[],
  systemd: boolean,
): Operation[] {
  const { attributes } = mountFlags(mount);
  const only = hierarchies[0];
  if (!only) return [];
  const writable = attributes.filter((a) => a !== "ro");
  if (only.version === 2) {
    return [
      {
        op: "mountInRoot",
        mount: {
          ...{ type: "cgroup2", source: "cgroup", options: [] },
          attributes: systemd ? writable : attributes,
        },
        target: mount.destination,
        why: systemd ? SYSTEMD_WHY : LIMITS_WHY,
      },
    ];
  }
  const directory: Operation = {
    op: "mountInRoot",
    mount: {
      type: "tmpfs",
      source: "cgroup",
      options: ["mode=755"],
      attributes: writable,
    },
    target: mount.destination,
    why: "a place for its cgroup hierarchies",
  };
  const each = hierarchies.map(({ controllers }): Operation => {
    const name = controllers.join(",");
    const own = controllers.includes(SYSTEMD_HIERARCHY);
    return {
      op: "mountInRoot",
      mount: {
        ...{ type: "cgroup", source: "cgroup", options: controllers },
        attributes: own ? writable : attributes,
      },
      target: `${mount.destination}/${name.replace(/^name=/, "")}`,
      why: own ? SYSTEMD_WHY : LIMITS_WHY,
    };
  });
  return [directory, ...each];
}

/** The directory of v1 hierarchies is closed once they are in it. */
export function closedCgroups(spec: Spec, hierarchies: readonly MountedHierarchy[]): Operation[] {
  const mount = spec.mounts.find(({ type }) => type === "cgroup");
  if (!mount || hierarchies[0]?.version !== 1) return [];
  if (!mountFlags(mount).attributes.includes("ro")) return [];
  return [
    {
      op: "setMountAttributes",
      path: mount.destination,
      attributes: ["ro", ...mountFlags(mount).attributes.filter((a) => a !== "ro")],
      why: "and nothing is to be made beside them",
    },
  ];
}
