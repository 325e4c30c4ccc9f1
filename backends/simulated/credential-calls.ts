// System calls by which a process changes who it is (credentials(7), capabilities(7)). Numbers of
// users and groups come in as the caller's user namespace counts.
// Source: Linux, kernel/sys.c, kernel/groups.c, security/commoncap.c.

import { CAPABILITIES } from "@nacre/core/program/capabilities.ts";
import {
  ALL_CAPABILITIES,
  type CapabilityName,
  type Credentials,
  capabilityBit,
  capable,
  everyGroup,
  everyUser,
} from "./credentials.ts";
import { fail } from "./errno.ts";
import type { Process } from "./process.ts";

function change(process: Process, by: Partial<Credentials>): void {
  process.credentials = { ...process.credentials, ...by };
}

/** cap_emulate_setxuid: capabilities go and come with user 0 of the namespace. */
function fixCapabilities(who: Credentials, next: Credentials): Credentials {
  const root = who.user.uids.outside(0);
  const isRoot = ({ realUid, uid, savedUid }: Credentials): boolean =>
    [realUid, uid, savedUid].some((one) => one === root);
  let { permitted, effective, ambient } = next;
  if (isRoot(who) && !isRoot(next)) {
    if (!who.keepCapabilities) permitted = effective = 0n;
    ambient = 0n;
  }
  if (who.uid === root && next.uid !== root) effective = 0n;
  if (who.uid !== root && next.uid === root) effective = permitted;
  return { ...next, permitted, effective, ambient };
}

/** What becomes of each of the three; absent stays. */
export interface ThreeIds {
  readonly real?: number;
  readonly effective?: number;
  readonly saved?: number;
}

type Translate = (id: number) => number | undefined;

/** EINVAL for a number that the namespace does not know. */
function translated(ids: ThreeIds, translate: Translate): ThreeIds {
  const known = Object.entries(ids).map(([which, id]) => [which, translate(id) ?? fail("EINVAL")]);
  return Object.fromEntries(known);
}

const isOneOf = (id: number | undefined, ...own: readonly number[]): boolean =>
  id === undefined || own.includes(id);

function actAs(process: Process, next: Credentials): void {
  process.credentials = fixCapabilities(process.credentials, next);
}

/** setresuid(2). */
export function setUsers(process: Process, ids: ThreeIds): void {
  const who = process.credentials;
  const to = translated(ids, (id) => who.user.uids.outside(id));
  const realUid = to.real ?? who.realUid;
  const uid = to.effective ?? who.uid;
  const savedUid = to.saved ?? who.savedUid;
  const own = [who.realUid, who.uid, who.savedUid];
  const changes = [to.real, to.effective, to.saved].some((id) => !isOneOf(id, ...own));
  if (changes && !capable(who, "CAP_SETUID", who.user)) fail("EPERM");
  const same = realUid === who.realUid && uid === who.uid && savedUid === who.savedUid;
  if (same && isOneOf(to.effective, who.fsUid)) return;
  actAs(process, { ...who, realUid, uid, savedUid, fsUid: uid });
}

/** setresgid(2). */
export function setGroupIds(process: Process, ids: ThreeIds): void {
  const who = process.credentials;
  const to = translated(ids, (id) => who.user.gids.outside(id));
  const realGid = to.real ?? who.realGid;
  const gid = to.effective ?? who.gid;
  const savedGid = to.saved ?? who.savedGid;
  const own = [who.realGid, who.gid, who.savedGid];
  const changes = [to.real, to.effective, to.saved].some((id) => !isOneOf(id, ...own));
  if (changes && !capable(who, "CAP_SETGID", who.user)) fail("EPERM");
  const same = realGid === who.realGid && gid === who.gid && savedGid === who.savedGid;
  if (same && isOneOf(to.effective, who.fsGid)) return;
  change(process, { realGid, gid, savedGid, fsGid: gid });
}

/** setreuid(2): the saved one follows when the process becomes somebody else. */
export function setRealAndEffectiveUser(process: Process, ids: Omit<ThreeIds, "saved">): void {
  const who = process.credentials;
  const { real, effective } = translated(ids, (id) => who.user.uids.outside(id));
  const may = capable(who, "CAP_SETUID", who.user);
  if (!isOneOf(real, who.realUid, who.uid) && !may) fail("EPERM");
  if (!isOneOf(effective, who.realUid, who.uid, who.savedUid) && !may) fail("EPERM");
  const uid = effective ?? who.uid;
  const follows = real !== undefined || !isOneOf(effective, who.realUid);
  const savedUid = follows ? uid : who.savedUid;
  actAs(process, { ...who, realUid: real ?? who.realUid, uid, savedUid, fsUid: uid });
}

/** setregid(2). */
export function setRealAndEffectiveGroup(process: Process, ids: Omit<ThreeIds, "saved">): void {
  const who = process.credentials;
  const { real, effective } = translated(ids, (id) => who.user.gids.outside(id));
  const may = capable(who, "CAP_SETGID", who.user);
  if (!isOneOf(real, who.realGid, who.gid) && !may) fail("EPERM");
  if (!isOneOf(effective, who.realGid, who.gid, who.savedGid) && !may) fail("EPERM");
  const gid = effective ?? who.gid;
  const follows = real !== undefined || !isOneOf(effective, who.realGid);
  const savedGid = follows ? gid : who.savedGid;
  change(process, { realGid: real ?? who.realGid, gid, savedGid, fsGid: gid });
}

/** setuid(2): all of them for who may, else only the one that it acts as. */
export function setUser(process: Process, id: number): void {
  const who = process.credentials;
  const uid = who.user.uids.outside(id) ?? fail("EINVAL");
  const may = capable(who, "CAP_SETUID", who.user);
  if (!may && !isOneOf(uid, who.realUid, who.savedUid)) fail("EPERM");
  actAs(process, { ...who, ...(may && everyUser(uid)), uid, fsUid: uid });
}

/** setgid(2). */
export function setGroup(process: Process, id: number): void {
  const who = process.credentials;
  const gid = who.user.gids.outside(id) ?? fail("EINVAL");
  const may = capable(who, "CAP_SETGID", who.user);
  if (!may && !isOneOf(gid, who.realGid, who.savedGid)) fail("EPERM");
  change(process, { ...(may && everyGroup(gid)), gid, fsGid: gid });
}

/** CAP_FS_SET: what setfsuid(2) takes and gives with user 0. */
const FILE_CAPABILITIES = (
  [
    ...["CAP_CHOWN", "CAP_MKNOD", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER"],
    ...["CAP_FSETID", "CAP_LINUX_IMMUTABLE", "CAP_MAC_OVERRIDE"],
  ] as CapabilityName[]
).reduce((mask, name) => mask | capabilityBit(name), 0n);

/** setfsuid(2): returns what it was before, whether it is changed or not. */
export function setFileUser(process: Process, id: number): number {
  const who = process.credentials;
  const { uids } = who.user;
  const before = uids.shown(who.fsUid);
  const fsUid = uids.outside(id);
  if (fsUid === undefined || fsUid === who.fsUid) return before;
  const own = isOneOf(fsUid, who.realUid, who.uid, who.savedUid);
  if (!own && !capable(who, "CAP_SETUID", who.user)) return before;
  const root = uids.outside(0);
  let { effective } = who;
  if (who.fsUid === root) effective &= ~FILE_CAPABILITIES;
  else if (fsUid === root) effective |= who.permitted & FILE_CAPABILITIES;
  change(process, { fsUid, effective });
  return before;
}

/** setfsgid(2). */
export function setFileGroup(process: Process, id: number): number {
  const who = process.credentials;
  const { gids } = who.user;
  const before = gids.shown(who.fsGid);
  const fsGid = gids.outside(id);
  if (fsGid === undefined || fsGid === who.fsGid) return before;
  const own = isOneOf(fsGid, who.realGid, who.gid, who.savedGid);
  if (own || capable(who, "CAP_SETGID", who.user)) change(process, { fsGid });
  return before;
}

/** setgroups(2): not before the namespace's group map is written, nor where it is denied. */
export function setGroups(process: Process, ids: readonly number[]): void {
  const who = process.credentials;
  const { user } = who;
  const allowed = user.gids.extents.length > 0 && user.setgroups === "allow";
  if (!capable(who, "CAP_SETGID", user) || !allowed) fail("EPERM");
  const groups = ids.map((id) => user.gids.outside(id) ?? fail("EINVAL"));
  change(process, { groups: groups.sort((a, b) => a - b) });
}

/** capset(2). Ambient capabilities go with what they need. */
export function setCapabilities(
  process: Process,
  to: Pick<Credentials, "effective" | "permitted" | "inheritable">,
): void {
  const who = process.credentials;
  const effective = to.effective & ALL_CAPABILITIES;
  const permitted = to.permitted & ALL_CAPABILITIES;
  const inheritable = to.inheritable & ALL_CAPABILITIES;
  const mayInherit = capable(who, "CAP_SETPCAP", who.user)
    ? ALL_CAPABILITIES
    : who.inheritable | who.permitted;
  const beyond =
    (inheritable & ~mayInherit) |
    (inheritable & ~(who.inheritable | who.bounding)) |
    (permitted & ~who.permitted) |
    (effective & ~permitted);
  if (beyond !== 0n) fail("EPERM");
  const ambient = who.ambient & permitted & inheritable;
  change(process, { effective, permitted, inheritable, ambient });
}

function bitOf(capability: number): bigint {
  if (capability < 0 || capability >= CAPABILITIES.length) fail("EINVAL");
  return 1n << BigInt(capability);
}

/** prctl(PR_CAPBSET_DROP). */
export function dropFromBounding(process: Process, capability: number): void {
  const who = process.credentials;
  if (!capable(who, "CAP_SETPCAP", who.user)) fail("EPERM");
  change(process, { bounding: who.bounding & ~bitOf(capability) });
}

/** prctl(PR_CAP_AMBIENT_RAISE). */
export function raiseAmbient(process: Process, capability: number): void {
  const who = process.credentials;
  const bit = bitOf(capability);
  if ((who.permitted & who.inheritable & bit) === 0n) fail("EPERM");
  change(process, { ambient: who.ambient | bit });
}

/** prctl(PR_CAP_AMBIENT_CLEAR_ALL). */
export function clearAmbient(process: Process): void {
  change(process, { ambient: 0n });
}

/** prctl(PR_SET_KEEPCAPS). */
export function keepCapabilities(process: Process, keep: boolean): void {
  change(process, { keepCapabilities: keep });
}

/** prctl(PR_SET_NO_NEW_PRIVS). */
export function setNoNewPrivileges(process: Process): void {
  change(process, { noNewPrivileges: true });
}
