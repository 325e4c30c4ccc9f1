// A container's spec as a user namespace can do it, for an engine whose user is not the machine's
// root (user_namespaces(7), mount_namespaces(7)):
//
// - A file system of a namespace is mounted by whoever owns that namespace. /proc, /sys and
//   /dev/mqueue of the machine's own pid, network and ipc namespaces are bound in their place.
// - Nodes of devices cannot be made: the machine's are bound.
// - The group of terminals, 5, may be nobody here.
// - Devices have no cgroup: what the user may not open, the container may not.

import { NacreError } from "../error.ts";
import type { Spec, SpecMount } from "../oci/runtime-spec.ts";
import { withBoundDevices } from "../program/spec-mounts.ts";
import { hostId, type UserMaps } from "./id-map.ts";
import { isSingle } from "./own-tree.ts";

export interface Surroundings {
  readonly maps: UserMaps;
  /** Whether the machine has a file. */
  readonly exists: (path: string) => boolean;
  /** Where the device is that the container has at a path. */
  readonly deviceAt: (path: string) => string;
}

/** What is mounted for a namespace of a kind, if that is not the machine's. */
const OF_NAMESPACE: Readonly<Record<string, string>> = {
  proc: "pid",
  sysfs: "network",
  mqueue: "ipc",
};

/** A spec as a user who is not root can have it carried out: devices are bound, what cannot be is left out. */
export function ownSpec(spec: Spec, around: Surroundings): Spec {
  const { devices, resources } = spec.linux;
  const { devices: _, ...limits } = resources;
  const kinds = new Set<string>(spec.linux.namespaces.map(({ type }) => type));
  const mounts = spec.mounts.flatMap((mount) => possible(mount, kinds, around));
  const nodes = devices.filter(({ type }) => type !== "p");
  const bound = nodes.map(({ path }) => ({ path, source: around.deviceAt(path) }));
  return {
    ...spec,
    mounts: withBoundDevices(mounts, bound),
    linux: {
      ...spec.linux,
      resources: limits,
      devices: devices.filter(({ type }) => type === "p"),
    },
    process: {
      ...spec.process,
      user: { ...spec.process.user, ...keptGroups(around.maps) },
    },
  };
}

/** @throws NacreError `invalid` */
export function checkUser(
  { uid, gid }: Pick<Spec["process"]["user"], "uid" | "gid">,
  maps: UserMaps,
): void {
  if (hostId(maps.uids, uid) !== undefined && hostId(maps.gids, gid) !== undefined) return;
  throw new NacreError("invalid", `user ${uid}:${gid} is nobody here: there is no such ID`, {
    advice: isSingle(maps)
      ? "You have no subordinate IDs, so a container has root alone: docs/ROOTLESS.md says how to get them."
      : "Your range of subordinate IDs in /etc/subuid and /etc/subgid ends before it.",
  });
}

/** Who is alone may not lay groups down: a group can also forbid (CVE-2014-8989). */
export const keptGroups = (maps: UserMaps | undefined): { readonly keepsGroups?: true } =>
  maps && isSingle(maps) ? { keepsGroups: true } : {};

function possible(
  mount: SpecMount,
  kinds: ReadonlySet<string>,
  around: Surroundings,
): readonly SpecMount[] {
  const { type = "", destination, options = [] } = mount;
  if (type === "devpts" && hostId(around.maps.gids, 5) === undefined) {
    return [{ ...mount, options: options.filter((option) => option !== "gid=5") }];
  }
  const kind = OF_NAMESPACE[type];
  if (kind === undefined || kinds.has(kind)) return [mount];
  if (!around.exists(destination)) return [];
  // A file system that is read-only has all below it so, too.
  const access = options.map((option) => (option === "ro" ? "rro" : option));
  return [{ destination, type: "bind", source: destination, options: ["rbind", ...access] }];
}
