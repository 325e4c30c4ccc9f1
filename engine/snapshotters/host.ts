// The root of the `host` image: this machine's own root under a container's storage layer, so that
// a command sees everything that is installed and changes nothing.
//
// The upper directory lies inside the lower one then, for both are on the machine's root file
// system. Overlayfs mounts that: it refuses a lower inside an upper. What it does with an upper
// inside a lower is to mark upper and work directory as traps; looking them up through the mount
// fails with ELOOP (tried on 6.18). The rest of the state root would still be seen, the storage of
// other containers included, and so it is hidden as a whole.
//
// File systems that are mounted below / are not part of a lower directory: their mount points are
// empty in the container. The machine may change its files meanwhile; which version of such a file
// the container sees is undefined, as overlayfs says, but no harm is done.

import { NacreError } from "@nacre/core/error.ts";
import type { KernelFacts } from "@nacre/core/ports/kernel.ts";
import type { RootOptions, RootPlan, StorageLayer } from "@nacre/core/ports/snapshotter.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { pathOption } from "./mount-option.ts";
import { overlayRoot } from "./overlay.ts";

/** The operations that give a container this machine's root. `stateRoot`: what it must not see. */
export function hostRoot(
  kernel: Pick<KernelFacts, "release" | "userNamespace">,
  storage: StorageLayer,
  stateRoot: string,
  options: RootOptions = { readOnly: false },
): RootPlan {
  if (kernel.userNamespace) throw uncovered();
  return {
    host: [],
    child: [
      overlayRoot(
        kernel,
        ["/"],
        storage,
        options,
        "the machine's own root to read; what the container writes goes to its storage layer",
      ),
      {
        op: "openRoot",
        path: storage.rootfs,
        why: "so that the next name is resolved inside the container's root",
      },
      {
        op: "maskInRoot",
        path: stateRoot,
        why: "so that it does not see the storage of other containers, or its own from below",
      },
    ],
  };
}

/** An overlay of / would show what is below the mounts there, which no user namespace may see. */
function uncovered(): NacreError {
  return new NacreError("unsupported", "the image 'host' needs root", {
    operation: "overlay of /",
    advice: "Run it as root, or bind what it needs of this machine: -v /usr:/usr:ro.",
  });
}

/** The same below layers: `layers` is the root that a snapshotter makes of them alone. */
export function layeredHostRoot(
  kernel: Pick<KernelFacts, "release" | "userNamespace">,
  layers: RootPlan,
  storage: StorageLayer,
  stateRoot: string,
): RootPlan {
  const [, ...hidden] = hostRoot(kernel, storage, stateRoot).child;
  const child = layers.child.map((operation): Operation => {
    if (operation.op !== "mount" || operation.mount.type !== "overlay") return operation;
    const { options } = operation.mount;
    const last = options.findLastIndex((option) => option.startsWith("lowerdir+="));
    const lowest = options.toSpliced(last + 1, 0, pathOption("lowerdir+", "/"));
    return { ...operation, mount: { ...operation.mount, options: lowest } };
  });
  return { host: layers.host, child: [...child, ...hidden] };
}
