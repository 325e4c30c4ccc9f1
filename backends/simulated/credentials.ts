// Who a process is for the kernel (credentials(7)), and what that lets it do (capabilities(7)).

import { CAPABILITIES } from "@nacre/core/program/capabilities.ts";
import type { Inode } from "./inode.ts";

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
  readonly noNewPrivileges: boolean;
}

export type CapabilityName = (typeof CAPABILITIES)[number];

const ALL = (1n << BigInt(CAPABILITIES.length)) - 1n;

/** Root of the initial user namespace, as the machine's first process has it. */
export const ROOT: Credentials = {
  uid: 0,
  gid: 0,
  groups: [],
  effective: ALL,
  permitted: ALL,
  inheritable: 0n,
  bounding: ALL,
  ambient: 0n,
  noNewPrivileges: false,
};

export function capable(who: Credentials, name: CapabilityName): boolean {
  return ((who.effective >> BigInt(CAPABILITIES.indexOf(name))) & 1n) === 1n;
}

export const MAY_EXECUTE = 1;
export const MAY_WRITE = 2;
export const MAY_READ = 4;

/** generic_permission of fs/namei.c: one class of bits, then the capabilities that pass over it. */
export function permitted(who: Credentials, inode: Inode, wanted: number): boolean {
  const member = who.gid === inode.gid || who.groups.includes(inode.gid);
  const shift = who.uid === inode.uid ? 6 : member ? 3 : 0;
  if (((inode.mode >> shift) & wanted) === wanted) return true;
  if (inode.kind === "directory") {
    if (capable(who, "CAP_DAC_OVERRIDE")) return true;
    return (wanted & MAY_WRITE) === 0 && capable(who, "CAP_DAC_READ_SEARCH");
  }
  if ((wanted & MAY_EXECUTE) !== 0 && (inode.mode & 0o111) === 0) return false;
  if (capable(who, "CAP_DAC_OVERRIDE")) return true;
  return wanted === MAY_READ && capable(who, "CAP_DAC_READ_SEARCH");
}

/** Whether `who` may remove or rename `inode` in a sticky directory. */
export function stickyAllows(who: Credentials, directory: Inode, inode: Inode): boolean {
  if ((directory.mode & 0o1000) === 0) return true;
  return who.uid === inode.uid || who.uid === directory.uid || capable(who, "CAP_FOWNER");
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
  const base = { ...who, uid, gid, ambient };
  if (uid === 0) {
    const permittedSet = (who.inheritable | who.bounding) & ALL;
    return { ...base, permitted: permittedSet, effective: permittedSet };
  }
  return { ...base, permitted: ambient, effective: ambient };
}
