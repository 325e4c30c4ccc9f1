// System calls by which a process changes who it is (credentials(7), capabilities(7)). Numbers of
// users and groups come in as the caller's user namespace counts.
// Source: Linux, kernel/sys.c, kernel/groups.c, security/commoncap.c.

import { CAPABILITIES } from "@nacre/core/program/capabilities.ts";
import { ALL_CAPABILITIES, type Credentials, capable } from "./credentials.ts";
import { fail } from "./errno.ts";
import type { Process } from "./process.ts";

function change(process: Process, by: Partial<Credentials>): void {
  process.credentials = { ...process.credentials, ...by };
}

/** cap_emulate_setxuid: capabilities go and come with user 0 of the namespace. */
function capabilitiesAs(who: Credentials, uid: number): Partial<Credentials> {
  const root = who.user.uids.outside(0);
  if (who.uid === uid) return {};
  if (who.uid === root) {
    const permitted = who.keepCapabilities ? who.permitted : 0n;
    return { permitted, effective: 0n, ambient: who.keepCapabilities ? who.ambient : 0n };
  }
  return uid === root ? { effective: who.permitted } : {};
}

/** setresuid(2) of all three. */
export function setUser(process: Process, id: number): void {
  const who = process.credentials;
  const uid = who.user.uids.outside(id) ?? fail("EINVAL");
  if (uid !== who.uid && !capable(who, "CAP_SETUID", who.user)) fail("EPERM");
  change(process, { uid, ...capabilitiesAs(who, uid) });
}

/** setresgid(2) of all three. */
export function setGroup(process: Process, id: number): void {
  const who = process.credentials;
  const gid = who.user.gids.outside(id) ?? fail("EINVAL");
  if (gid !== who.gid && !capable(who, "CAP_SETGID", who.user)) fail("EPERM");
  change(process, { gid });
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
