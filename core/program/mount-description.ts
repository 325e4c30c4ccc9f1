// A mount before it is one: what of, where from, with which options, and by which call.

/** Mount attributes, by the names that mount(8) and mount_setattr(2) give them. */
export type MountAttribute =
  | "ro"
  | "nosuid"
  | "nodev"
  | "noexec"
  | "noatime"
  | "nosymfollow"
  | "strictatime"
  | "nodiratime";

/**
 * How a mount's description reaches the kernel.
 *
 *   context  fsopen, one fsconfig an option, fsmount (fsopen(2))
 *   loop     the same, but `source` and each `device=` name files, and the kernel gets a read-only
 *            loop device over each; the devices go with the mount
 *   page     one mount(2) with all options in one string, for overlayfs before 6.8. The layers of
 *            `lowerdir+` are opened and named by descriptor, so that as many as an overlay may
 *            have fit in its page
 */
export type MountCall = "context" | "loop" | "page";

/** A mount as data. */
export interface MountDescription {
  /** File system type, such as `overlay`. */
  readonly type: string;
  readonly source: string;
  /** `key` or `key=value`, in order. */
  readonly options: readonly string[];
  readonly attributes: readonly MountAttribute[];
  /** Default: `context`. */
  readonly call?: MountCall;
}

/** Other owners than the files have (MOUNT_ATTR_IDMAP): `STORED SHOWN LENGTH` lines, as of /proc/PID/uid_map. */
export interface OwnerMap {
  readonly uids: string;
  readonly gids: string;
}
