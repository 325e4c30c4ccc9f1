// /dev/shm of containers that share their ipc namespace. Message queues and semaphores come with
// the namespace, shared memory is a file system: it is mounted once on the machine, and counted by
// the kernel's locks as an image's lower is, so that it ends with the last of them.

import { NacreError } from "@nacre/core/error.ts";
import type { MountDescription } from "@nacre/core/program/mount-description.ts";
import { lender } from "@nacre/core/program/namespace-plan.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { mappedId } from "@nacre/core/program/outside.ts";
import { sharedMemoryMount } from "@nacre/core/program/spec-mounts.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import type { StatePaths } from "../images/paths.ts";

export interface SharedMemory {
  readonly path: string;
  readonly host: readonly Operation[];
}

/**
 * Undefined where a container's is its own, or the machine's.
 * NacreError `conflict` where the container that is to lend does not share, as docker has it.
 */
export function sharedMemory(
  container: Pick<ContainerRecord, "id" | "request" | "users">,
  paths: StatePaths,
  find: (container: string) => ContainerRecord,
): SharedMemory | undefined {
  const word = container.request.namespaces?.ipc;
  const other = lender(word);
  if (other === undefined) return word === "shareable" ? sharedBy(container, paths) : undefined;
  const owner = find(other);
  const theirs = owner.request.namespaces?.ipc;
  if (theirs === "shareable" || lender(theirs) !== undefined) {
    return sharedMemory(owner, paths, find);
  }
  if (theirs === "host") return { path: "/dev/shm", host: [] };
  throw new NacreError("conflict", `container ${owner.name} does not share its ipc namespace`, {
    advice: `Run it with --ipc shareable.`,
  });
}

function sharedBy(
  { id, request, users }: Pick<ContainerRecord, "id" | "request" | "users">,
  paths: StatePaths,
): SharedMemory {
  const { lock, target } = paths.sharedMount(`shm-${id}`);
  const mount = sharedMemoryMount(request);
  return {
    path: target,
    host: [
      {
        op: "shareMount",
        lock,
        mount: users ? ownedBy(mount, users) : mount,
        target,
        why: "shared memory for all that share its ipc namespace",
      },
    ],
  };
}

function ownedBy(mount: MountDescription, { uids, gids }: UserMaps): MountDescription {
  const owner = [`uid=${mappedId(uids, 0, "root")}`, `gid=${mappedId(gids, 0, "root")}`];
  return { ...mount, options: [...mount.options, ...owner] };
}
