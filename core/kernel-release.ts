// Releases of Linux at which Nacre does a thing another way. A fact that can be tried is tried
// (backends/linux/facts.ts); these cannot be, or would cost more than starting a container.

/**
 * The oldest kernel on which containers run. nacre-init needs mount_setattr(2) of 5.12 for every
 * container, and everything older that it calls: CLOSE_RANGE_CLOEXEC (5.11), overlay's `volatile`
 * (5.10), STATX_ATTR_MOUNT_ROOT (5.8), CLONE_INTO_CGROUP (5.7), openat2(2) (5.6).
 */
export const MINIMUM_KERNEL = "5.12";
/** `lowerdir+`, an overlay's layers one by one; before, mount(2) has to take them in one page. */
export const LOWERDIR_ADD_KERNEL = "6.8";
/** EROFS with blocks smaller than a page: files whose bytes lie in tars, at multiples of 512. */
export const EROFS_SMALL_BLOCKS_KERNEL = "6.4";
/** EROFS over plain files. 6.12 mounts them too, but statx(2) on such a mount crashes it. */
export const EROFS_FILES_KERNEL = "6.13";

/** Layers of an overlay that are mounts with other owners, and EROFS mounted so. */
export const IDMAPPED_LAYERS_KERNEL = "5.19";

/** Whether a kernel's release (`6.12.3-amd64`) is at least `wanted` (`6.8`). */
export function kernelAtLeast(release: string, wanted: string): boolean {
  const [major = 0, minor = 0] = release.split(/[.-]/, 2).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
