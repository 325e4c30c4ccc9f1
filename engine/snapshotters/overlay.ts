// The overlay that is a container's root: its own upper directory over read-only lower ones
// (https://docs.kernel.org/filesystems/overlayfs.html).

import { kernelAtLeast, LOWERDIR_ADD_KERNEL } from "@nacre/core/kernel-release.ts";
import type { KernelFacts } from "@nacre/core/ports/kernel.ts";
import type { RootOptions, StorageLayer } from "@nacre/core/ports/snapshotter.ts";
import type { Mount } from "@nacre/core/program/operation.ts";
import { pathOption } from "./mount-option.ts";

/** OVL_MAX_STACK of fs/overlayfs/params.h. */
export const LOWER_LIMIT = 500;

/** The mount of a container's root, in its own mount namespace. `lowers`: topmost first. */
export function overlayRoot(
  kernel: Pick<KernelFacts, "release" | "userNamespace">,
  lowers: readonly string[],
  storage: StorageLayer,
  options: RootOptions,
  why: string,
): Mount {
  const each = kernelAtLeast(kernel.release, LOWERDIR_ADD_KERNEL);
  const escaped = each ? withoutEscapes : withoutSeparators;
  return {
    op: "mount",
    mount: {
      type: "overlay",
      source: "overlay",
      options: [
        ...lowers.map((lower) => pathOption("lowerdir+", lower)),
        pathOption("upperdir", escaped(storage.upper)),
        pathOption("workdir", escaped(storage.work)),
        // Without it the end of the mount flushes the whole file system that holds the upper
        // directory: hundreds of milliseconds after a pull, for files that are removed next.
        ...(options.ephemeral ? ["volatile"] : []),
        // Its marks are attributes that a user namespace may set.
        ...(kernel.userNamespace ? ["userxattr"] : []),
      ],
      attributes: [],
      ...(!each && { call: "page" as const }),
    },
    target: storage.rootfs,
    why,
  };
}

/** The kernel takes a backslash before any character away, in `upperdir` and `workdir` only. */
function withoutEscapes(path: string): string {
  return path.replaceAll("\\", "\\\\");
}

/** In a page of options a comma begins the next one. */
function withoutSeparators(path: string): string {
  return withoutEscapes(path).replaceAll(",", "\\,");
}
