// /proc/PID/uid_map, gid_map and setgroups: how a user namespace comes by its numbers.
// Source: user_namespaces(7), "User and group ID mappings"; Linux, kernel/user_namespace.c.

import { type Credentials, capable } from "./credentials.ts";
import { fail } from "./errno.ts";
import type { Machine } from "./machine.ts";
import {
  type IdExtent,
  IdMap,
  parseIdMap,
  showIdMap,
  type UserNamespace,
} from "./user-namespace.ts";

/** Which of the two maps. */
export type MapKind = "uids" | "gids";

const PAGE_BYTES = 4096;

/** What is shown counts from the reader's namespace; for a reader within it, from the parent's. */
export function readIdMap(machine: Machine, user: UserNamespace, kind: MapKind): string {
  const reader = machine.current.credentials.user;
  const outer = reader === user && user.parent ? user.parent : reader;
  return showIdMap(user[kind], outer[kind]);
}

/** new_idmap_permitted: what may be mapped without rights over the parent's numbers. */
function mayMap(
  who: Credentials,
  user: UserNamespace,
  kind: MapKind,
  extents: readonly IdExtent[],
): boolean {
  const parent = user.parent as UserNamespace;
  const [only] = extents;
  if (extents.length === 1 && only?.count === 1 && user.ownerUid === who.uid) {
    const outside = parent[kind].outside(only.outside);
    if (kind === "uids" && outside === who.uid) return true;
    if (kind === "gids" && user.setgroups === "deny" && outside === who.gid) return true;
  }
  return capable(who, kind === "uids" ? "CAP_SETUID" : "CAP_SETGID", parent);
}

/** One write(2) at the beginning of the file, once in the life of a namespace. */
export function writeIdMap(
  machine: Machine,
  user: UserNamespace,
  kind: MapKind,
  text: string,
): void {
  const who = machine.current.credentials;
  const { parent } = user;
  if (!parent || (who.user !== user && who.user !== parent)) fail("EPERM");
  if (text.length >= PAGE_BYTES) fail("EINVAL");
  if (user[kind].extents.length > 0) fail("EPERM");
  if (!capable(who, "CAP_SYS_ADMIN", user)) fail("EPERM");
  const extents = parseIdMap(text);
  // Who gives away the parent's root must have been able to give files capabilities there.
  const mapsRoot = kind === "uids" && extents.some((e) => e.outside === 0);
  const within = who.user === user;
  if (mapsRoot && !within && !capable(who, "CAP_SETFCAP", parent)) fail("EPERM");
  if (mapsRoot && within && !user.makerCouldSetFileCapabilities) fail("EPERM");
  if (!mayMap(who, user, kind, extents)) fail("EPERM");
  const translated = extents.map((extent) => {
    const outside = parent[kind].outside(extent.outside);
    const end = parent[kind].outside(extent.outside + extent.count - 1);
    if (outside === undefined || end !== outside + extent.count - 1) return fail("EPERM");
    return { ...extent, outside };
  });
  user[kind] = new IdMap(translated);
}

/** Only root of the namespace opens the file for writing. */
export function requireSetgroups(machine: Machine, user: UserNamespace): void {
  if (!capable(machine.current.credentials, "CAP_SYS_ADMIN", user)) fail("EACCES");
}

/** `deny` before the group map is written, or never. */
export function writeSetgroups(user: UserNamespace, text: string): void {
  const word = text.trim();
  if (text.length >= 8 || (word !== "allow" && word !== "deny")) fail("EINVAL");
  if (word === "allow" && user.setgroups === "deny") fail("EPERM");
  if (word === "deny" && user.gids.extents.length > 0) fail("EPERM");
  user.setgroups = word;
}
