// The overlay that is a container's root: its own upper directory over read-only lower ones
// (https://docs.kernel.org/filesystems/overlayfs.html).

import type { RootOptions, StorageLayer } from "@nacre/core/ports/snapshotter.ts";
import type { Mount } from "@nacre/core/program/operation.ts";
import { pathOption } from "./mount-option.ts";

/** `lowerdir+`, one layer a call, is documented from here on; before, all of them had to fit in 256 bytes. */
export const LOWERDIR_ADD_KERNEL = "6.8";
/** OVL_MAX_STACK of fs/overlayfs/params.h. */
export const LOWER_LIMIT = 500;

/** The mount of a container's root, in its own mount namespace. `lowers`: topmost first. */
export function overlayRoot(
  lowers: readonly string[],
  storage: StorageLayer,
  options: RootOptions,
  why: string,
): Mount {
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
      ],
      attributes: [],
    },
    target: storage.rootfs,
    why,
  };
}

/** The kernel takes a backslash before any character away, in these two options only. */
function escaped(path: string): string {
  return path.replaceAll("\\", "\\\\");
}
