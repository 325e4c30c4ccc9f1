// Who a process is for the kernel (credentials(7)), and what that lets it do (capabilities(7)).

import { CAPABILITIES } from "@nacre/core/program/capabilities.ts";
import type { Inode } from "./inode.ts";
import type { UserNamespace } from "./user-namespace.ts";

export interface Credentials {
  /** Where its capabilities hold. Numbers of users and groups are the machine's own. */
  readonly user: UserNamespace;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
  readonly noNewPrivileges: boolean;
  /** PR_SET_KEEPCAPS: leaving user 0 does not take the permitted capabilities. */
  readonly keepCapabilities: boolean;
}

export type CapabilityName = (typeof CAPABILITIES)[number];

export const ALL_CAPABILITIES = (1n << BigInt(CAPABILITIES.length)) - 1n;

/** Root of the machine's own user namespace, as its first process has it. */
export function rootOf(user: UserNamespace): Credentials {
  return {
    user,
    uid: 0,
    gid: 0,
    groups: [],
    ...EVERY_CAPABILITY,
    noNewPrivileges: false,
    keepCapabilities: false,
  };
}

/** What a user namespace gives to who comes into it. */
const EVERY_CAPABILITY = {
  effective: ALL_CAPABILITIES,
  permitted: ALL_CAPABILITIES,
  inheritable: 0n,
  bounding: ALL_CAPABILITIES,
  ambient: 0n,
} as const;

export function insideUserNamespace(who: Credentials, user: UserNamespace): Credentials {
  return { ...who, ...EVERY_CAPABILITY, user, keepCapabilities: false };
}

export const capabilityBit = (name: CapabilityName): bigint =>
  1n << BigInt(CAPABILITIES.indexOf(name));

/**
 * cap_capable of security/commoncap.c: who has a capability in a user namespace has it in all that
 * lie within, and who made one has all in it. Without `over` the machine's own is meant.
 */
export function capable(who: Credentials, name: CapabilityName, over?: UserNamespace): boolean {
  const holds = (who.effective & capabilityBit(name)) !== 0n;
  if (over === undefined) return who.user.parent === undefined && holds;
  for (const user of over.lineage()) {
    if (user === who.user) return holds;
    if (user.level <= who.user.level) return false;
    if (user.parent === who.user && user.ownerUid === who.uid) return true;
  }
  return false;
}

/** capable_wrt_inode_uidgid: only over what has a user and a group in its own namespace. */
export function capableOver(who: Credentials, name: CapabilityName, inode: Owned): boolean {
  const { uids, gids } = who.user;
  const known = uids.inside(inode.uid) !== undefined && gids.inside(inode.gid) !== undefined;
  return known && capable(who, name, who.user);
}

type Owned = Pick<Inode, "uid" | "gid">;

export const isMember = (who: Credentials, gid: number): boolean =>
  who.gid === gid || who.groups.includes(gid);

export const MAY_EXECUTE = 1;
export const MAY_WRITE = 2;
export const MAY_READ = 4;

/** generic_permission of fs/namei.c: one class of bits, then the capabilities that pass over it. */
export function permitted(who: Credentials, inode: Inode, wanted: number): boolean {
  if (inode.isOwnPlace) return true;
  const shift = who.uid === inode.uid ? 6 : isMember(who, inode.gid) ? 3 : 0;
  if (((inode.mode >> shift) & wanted) === wanted) return true;
  if (inode.kind === "directory") {
    if (capableOver(who, "CAP_DAC_OVERRIDE", inode)) return true;
    return (wanted & MAY_WRITE) === 0 && capableOver(who, "CAP_DAC_READ_SEARCH", inode);
  }
  if ((wanted & MAY_EXECUTE) !== 0 && (inode.mode & 0o111) === 0) return false;
  if (capableOver(who, "CAP_DAC_OVERRIDE", inode)) return true;
  return wanted === MAY_READ && capableOver(who, "CAP_DAC_READ_SEARCH", inode);
}

/** Whether `who` may remove or rename `inode` in a sticky directory. */
export function stickyAllows(who: Credentials, directory: Inode, inode: Inode): boolean {
  if ((directory.mode & 0o1000) === 0) return true;
  if (who.uid === inode.uid || who.uid === directory.uid) return true;
  return capableOver(who, "CAP_FOWNER", inode);
}

/**
 * The capability sets after execve(2), without file capabilities. `setUser`/`setGroup` are those
 * of a setuid or setgid file, already left out where the mount or no_new_privs forbids them.
 */
export function afterExecute(
  who: Credentials,
  setUser: number | undefined,
  setGroup: number | undefined,
): Credentials {
  const uid = setUser ?? who.uid;
  const gid = setGroup ?? who.gid;
  const changed = uid !== who.uid || gid !== who.gid;
  const ambient = changed ? 0n : who.ambient;
  const base = { ...who, uid, gid, ambient, keepCapabilities: false };
  if (uid === who.user.uids.outside(0)) {
    const permittedSet = (who.inheritable | who.bounding) & ALL_CAPABILITIES;
    return { ...base, permitted: permittedSet, effective: permittedSet };
  }
  return { ...base, permitted: ambient, effective: ambient };
}
