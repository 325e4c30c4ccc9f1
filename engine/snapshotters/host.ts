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
import { textBytes } from "../roots/storage-tree.ts";
import { nameOf } from "./layer-program.ts";
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

/** What steps of a build have made of this machine's root. */
export interface SteppedHost {
  /** The root that a snapshotter makes of their layers alone; absent where they have none. */
  readonly layers?: RootPlan;
  /** Paths of this machine that they have deleted. */
  readonly gone: readonly string[];
  /** A directory of the container's own memory, that `steppedHostFiles` fills. */
  readonly memory: string;
}

/**
 * The same as steps have left it: their layers above it, and between them what hides that which is
 * deleted. A layer cannot say it, for nobody knows there what it is to hide.
 */
export function steppedHostRoot(
  kernel: Pick<KernelFacts, "release" | "userNamespace">,
  { layers, gone, memory }: SteppedHost,
  storage: StorageLayer,
  stateRoot: string,
): RootPlan {
  const ephemeral = { readOnly: false, ephemeral: true };
  const { child } = hostRoot(kernel, storage, stateRoot, ephemeral);
  const above = (layers?.child ?? []).flatMap(lowersOf);
  const hiding = gone.length > 0 ? [pathOption("lowerdir+", `${memory}/${GONE}`)] : [];
  // Unpacked layers may lie on the machine's own root file system, and overlayfs refuses a lower
  // directory in another one. An overlay of them is a file system of its own.
  const unpacked = above.length > 0 && layers?.host.length === 0;
  const joined = `${memory}/${LAYERS}`;
  const lowers = unpacked ? [pathOption("lowerdir+", joined), ...hiding] : [...above, ...hiding];
  const together: Operation = {
    op: "mount",
    mount: {
      type: "overlay",
      source: "overlay",
      // At least two there must be.
      options: [...above, pathOption("lowerdir+", `${memory}/${NOTHING}`)],
      attributes: [],
      ...callOf(child),
    },
    target: joined,
    why: "the layers of the steps before as a file system of their own",
  };
  return {
    host: layers?.host ?? [],
    child: [
      ...(unpacked ? [together] : []),
      ...child.map((operation): Operation => {
        if (operation.op !== "mount" || operation.mount.type !== "overlay") return operation;
        const options = [...lowers, ...operation.mount.options];
        return { ...operation, mount: { ...operation.mount, options } };
      }),
    ],
  };
}

const GONE = "gone";
const LAYERS = "layers";
const NOTHING = "nothing";

/** What `steppedHostRoot` needs in the container's memory. NacreError `unsupported` for names that are no UTF-8. */
export function steppedHostFiles(gone: readonly string[]): Operation[] {
  const directories = new Set([GONE, LAYERS, NOTHING]);
  for (const path of gone) {
    const names = [GONE, ...path.split("/")];
    for (let count = 2; count < names.length; count++)
      directories.add(names.slice(0, count).join("/"));
  }
  const owned = { uid: 0, gid: 0 };
  return [
    ...Array.from(directories, (path): Operation => {
      return { op: "placeDirectory", path: nameOf(textBytes(path)), mode: 0o755, ...owned };
    }),
    ...gone.map((path): Operation => {
      const node = { op: "placeNode", type: "character", major: 0, minor: 0 } as const;
      const why = "a whiteout: a step before has deleted what this machine has here";
      return { ...node, path: nameOf(textBytes(`${GONE}/${path}`)), mode: 0, ...owned, why };
    }),
  ];
}

function lowersOf(operation: Operation): string[] {
  if (operation.op !== "mount" || operation.mount.type !== "overlay") return [];
  return operation.mount.options.filter((option) => option.startsWith("lowerdir+="));
}

/** How the kernel takes several lower directories, as for the container's own root. */
function callOf(child: readonly Operation[]): { readonly call?: "page" } {
  const paged = child.some((one) => one.op === "mount" && one.mount.call === "page");
  return paged ? { call: "page" } : {};
}
