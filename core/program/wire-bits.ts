// The kernel's numbers for the words of operations.

import type { MountAttribute, MountCall } from "./mount-description.ts";
import type { NamespaceKind } from "./operation.ts";

/** MOUNT_ATTR_* of linux/mount.h. */
export const ATTRIBUTE_BITS: Record<MountAttribute, bigint> = {
  ro: 0x1n,
  nosuid: 0x2n,
  nodev: 0x4n,
  noexec: 0x8n,
  noatime: 0x10n,
  strictatime: 0x20n,
  nodiratime: 0x80n,
  nosymfollow: 0x200000n,
};
/** CLONE_NEW* of linux/sched.h. */
export const NAMESPACE_BITS: Record<NamespaceKind, bigint> = {
  time: 0x80n,
  mnt: 0x20000n,
  cgroup: 0x2000000n,
  uts: 0x4000000n,
  ipc: 0x8000000n,
  user: 0x10000000n,
  pid: 0x20000000n,
  net: 0x40000000n,
};
/** MS_* of linux/mount.h. */
export const PROPAGATION_BITS = {
  unbindable: 1n << 17n,
  private: 1n << 18n,
  slave: 1n << 19n,
  shared: 1n << 20n,
} as const;
export const MOUNT_CALLS: Record<MountCall, bigint> = { context: 0n, loop: 1n, page: 2n };
/** SECCOMP_FILTER_FLAG_* of linux/seccomp.h; all threads and a listener only with TSYNC_ESRCH. */
export const FILTER_BITS = {
  tsync: 0x1n | 0x10n,
  log: 0x2n,
  "spec-allow": 0x4n,
  listener: 0x8n,
  "wait-killable": 0x20n,
} as const;
export const NODE_TYPES = { character: 0o020000n, block: 0o060000n, fifo: 0o010000n } as const;

/** The bits of all names, each of which is there once. */
export const sumOf = <K extends string>(bits: Record<K, bigint>, names: readonly K[]): bigint =>
  names.reduce((sum, name) => sum | bits[name], 0n);
