// A bind mount of a spec as the operation that makes it inside a container's root.

import type { SpecIdMapping, SpecMount } from "../oci/runtime-spec.ts";
import { mountFlags } from "./mount-options.ts";
import type { BindInRoot } from "./operation.ts";

/** The bind of a mount in the child section, when its root is opened. */
export function bindOperation(mount: SpecMount, why: string): BindInRoot {
  const { attributes, recursive, propagation } = mountFlags(mount);
  return {
    op: "bindInRoot",
    source: mount.source ?? "",
    target: mount.destination,
    ...{ recursive, attributes, propagation },
    ...(mount.subpath !== undefined && { subpath: mount.subpath }),
    ...idmapOf(mount),
    why,
  };
}

/** As lines of /proc/PID/uid_map. */
function idmapOf({ uidMappings, gidMappings }: SpecMount): Pick<BindInRoot, "idmap"> {
  if (!uidMappings && !gidMappings) return {};
  const lines = (all: readonly SpecIdMapping[] = []): string =>
    all.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
  return { idmap: { uids: lines(uidMappings), gids: lines(gidMappings) } };
}
