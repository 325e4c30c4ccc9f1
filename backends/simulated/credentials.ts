// Who a process is for the kernel (credentials(7)), and what that lets it do (capabilities(7)).

import { CAPABILITIES } from "@nacre/core/program/capabilities.ts";
import type { Inode } from "./inode.ts";
import { NO_ID, type UserNamespace } from "./user-namespace.ts";

export interface Credentials {
  /** Where its capabilities hold. Numbers of users and groups are the machine's own. */
  readonly user: UserNamespace;
  /** The effective user and group: whom it acts as. */
  readonly uid: number;
  readonly gid: number;
  /** Those it was started as, and those it may act as again. */
  readonly realUid: number;
  readonly realGid: number;
  readonly savedUid: number;
  readonly savedGid: number;
  /** Who it is for files: the effective ones, unless setfsuid(2) or setfsgid(2) say otherwise. */
  readonly fsUid: number;
  readonly fsGid: number;
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
    ...everyUser(0),
    ...everyGroup(0),
    groups: [],
    ...EVERY_CAPABILITY,
    noNewPrivileges: false,
    keepCapabilities: false,
  };
}

/** One user, or one group, in all that a process is. */
export const everyUser = (uid: number) => ({ uid, realUid: uid, savedUid: uid, fsUid: uid });
export const everyGroup = (gid: number) => ({ gid, realGid: gid, savedGid: gid, fsGid: gid });

/** As it sees itself: by the numbers of its own user namespace. */
export function shownCredentials(who: Credentials): Credentials {
  const { uids, gids } = who.user;
  const [uid, gid] = [uids.shown(who.uid), gids.shown(who.gid)];
  return {
    ...who,
    ...{ uid, realUid: uids.shown(who.realUid), savedUid: uids.shown(who.savedUid) },
    ...{ gid, realGid: gids.shown(who.realGid), savedGid: gids.shown(who.savedGid) },
    ...{ fsUid: uids.shown(who.fsUid), fsGid: gids.shown(who.fsGid) },
    groups: who.groups.map((group) => gids.shown(group)),
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

/** Owned by an ID that a mount's map does not have. */
export const isNobodys = ({ uid, gid }: Owned): boolean => uid === NO_ID || gid === NO_ID;

export const isMember = (who: Credentials, gid: number): boolean =>
  who.fsGid === gid || who.groups.includes(gid);

export const MAY_EXECUTE = 1;
export const MAY_WRITE = 2;
export const MAY_READ = 4;

/** generic_permission of fs/namei.c: one class of bits, then the capabilities that pass over it. */
export function permitted(who: Credentials, inode: Inode, wanted: number): boolean {
  if (inode.isOwnPlace) return true;
  // Whose it is cannot be said: nothing is written of it (HAS_UNMAPPED_ID).
  if ((wanted & MAY_WRITE) !== 0 && isNobodys(inode)) return false;
  const shift = who.fsUid === inode.uid ? 6 : isMember(who, inode.gid) ? 3 : 0;
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
  if (who.fsUid === inode.uid || who.fsUid === directory.uid) return true;
  return capableOver(who, "CAP_FOWNER", inode);
}

/**
 * Who a process is after execve(2), without file capabilities. `setUser` and `setGroup` are those
 * of a set-user-ID or set-group-ID file, already left out where the mount or no_new_privs forbids
 * them (cap_bprm_creds_from_file of security/commoncap.c, Linux 6.17).
 */
export function afterExecute(
  who: Credentials,
  setUser: number | undefined,
  setGroup: number | undefined,
): Credentials {
  let uid = setUser ?? who.uid;
  let gid = setGroup ?? who.gid;
  const root = who.user.uids.outside(0);
  const actsAsRoot = uid === root;
  // Who is root, or was started by root, has all that its bounding set leaves.
  let permittedSet =
    actsAsRoot || who.realUid === root ? (who.inheritable | who.bounding) & ALL_CAPABILITIES : 0n;
  const changed = uid !== who.uid || !isMember(who, gid);
  const gains = (permittedSet & ~who.permitted) !== 0n;
  if ((changed || gains) && who.noNewPrivileges) {
    uid = who.realUid;
    gid = who.realGid;
    permittedSet &= who.permitted;
  }
  const ambient = changed ? 0n : who.ambient;
  permittedSet |= ambient;
  return {
    ...who,
    ...{ uid, savedUid: uid, fsUid: uid, gid, savedGid: gid, fsGid: gid, ambient },
    permitted: permittedSet,
    effective: actsAsRoot ? permittedSet : ambient,
    keepCapabilities: false,
  };
}
