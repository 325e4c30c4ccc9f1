// The root of a container that does not run, for whoever looks through the process that this
// program starts: it is mounted in that process's own mount namespace, with the container's volumes
// and binds, and goes with it. The process ends with its input, and so with the engine that holds
// the other end, however that one ends.

import type { RootPlan } from "@nacre/core/ports/snapshotter.ts";
import { bindOperation } from "@nacre/core/program/bind-operation.ts";
import { mountFlags } from "@nacre/core/program/mount-options.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { PlainMount } from "@nacre/core/program/request.ts";
import { requestedMounts } from "@nacre/core/program/spec-mounts.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface RestView {
  readonly root: RootPlan;
  /** Where the root is mounted. */
  readonly rootfs: string;
  readonly mounts: readonly PlainMount[];
  readonly readOnlyRoot: boolean;
}

/**
 * A program that mounts a container's root as it would see it, in a namespace of its own, until the
 * input of its process ends.
 */
export function restView(title: string, view: RestView): KernelProgram {
  const { root, rootfs, mounts, readOnlyRoot } = view;
  const closed: Operation = {
    ...{ op: "setMountAttributes", path: rootfs, attributes: ["ro"] },
    why: "the root is read-only, as asked; volumes are not",
  };
  return {
    title,
    host: root.host,
    process: {
      clone: { create: ["mnt"], cgroups: [], joinPaths: [] },
      parent: [],
      child: [
        { op: "newSession", why: "it belongs to no terminal" },
        {
          ...{ op: "setPropagation", path: "/", mode: "slave", recursive: true },
          why: "so that no mount made here is seen outside",
        },
        ...root.child,
        { op: "openRoot", path: rootfs, why: "names are resolved inside this root only" },
        ...binds(mounts),
        ...(readOnlyRoot ? [closed] : []),
        {
          ...{ op: "execute", arguments: ["cat"], environment: [PATH] },
          why: "it waits for the end of its input, and keeps the mounts till then",
        },
      ],
      supervision: {
        ...{ stdin: "inherit", output: "inherit", terminal: "none", collect: [], detached: false },
      },
    },
  };
}

/** Volumes and binds; what is in memory begins with the container. */
function binds(mounts: readonly PlainMount[]): Operation[] {
  return requestedMounts(mounts)
    .filter((mount) => mount.type === "bind")
    .map((mount) => {
      const bind = bindOperation(mount, "a mount that the user asked for");
      const { readOnlyTop } = mountFlags(mount);
      return readOnlyTop ? { ...bind, attributes: [...bind.attributes, "ro" as const] } : bind;
    });
}
