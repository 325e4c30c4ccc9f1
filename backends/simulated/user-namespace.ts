// User namespaces (user_namespaces(7)): which of the machine's user and group numbers exist in
// one, and under which numbers. Inodes and credentials carry the machine's own numbers; what goes
// in and out of a system call is translated by the caller's namespace.

import { fail } from "./errno.ts";
import { Namespace } from "./namespaces.ts";

/** What stands for a number that a namespace does not know (/proc/sys/kernel/overflowuid). */
export const OVERFLOW_ID = 65534;
/** No user at all: -1 as chown(2) takes it. */
export const NO_ID = 0xffffffff;
const MOST_LEVELS = 32;
const MOST_EXTENTS = 340;

/** `count` numbers from `inside` on are the machine's from `outside` on. */
export interface IdExtent {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

export class IdMap {
  readonly extents: readonly IdExtent[];

  constructor(extents: readonly IdExtent[]) {
    this.extents = extents;
  }

  /** The machine's number. */
  outside(id: number): number | undefined {
    const found = this.extents.find((e) => id >= e.inside && id < e.inside + e.count);
    return found && found.outside + (id - found.inside);
  }

  /** The number in the namespace. */
  inside(id: number): number | undefined {
    const found = this.extents.find((e) => id >= e.outside && id < e.outside + e.count);
    return found && found.inside + (id - found.outside);
  }

  /** As its members see the machine's number. */
  shown(id: number): number {
    return this.inside(id) ?? OVERFLOW_ID;
  }
}

const EVERYTHING = new IdMap([{ inside: 0, outside: 0, count: NO_ID }]);
const NOTHING = new IdMap([]);

/** Who makes a user namespace, in which one. */
export interface UserNamespaceMaker {
  readonly parent: UserNamespace;
  readonly uid: number;
  readonly gid: number;
  /** Whether it has CAP_SETFCAP there. */
  readonly setsFileCapabilities: boolean;
}

export class UserNamespace extends Namespace {
  readonly parent: UserNamespace | undefined;
  readonly level: number;
  /** Who made it: has all capabilities in it as long as it acts from the parent. */
  readonly ownerUid: number;
  readonly ownerGid: number;
  uids = NOTHING;
  gids = NOTHING;
  setgroups: "allow" | "deny";
  /** Whether its maker had CAP_SETFCAP: else it may not map the parent's root for itself. */
  readonly makerCouldSetFileCapabilities: boolean;

  constructor(inode: bigint, from?: UserNamespaceMaker) {
    // The first one owns itself: `owner` is replaced right below.
    super("user", inode, from?.parent as UserNamespace);
    if (!from) Object.assign(this, { owner: this });
    this.parent = from?.parent;
    this.level = from ? from.parent.level + 1 : 0;
    this.ownerUid = from?.uid ?? 0;
    this.ownerGid = from?.gid ?? 0;
    this.setgroups = from?.parent.setgroups ?? "allow";
    this.makerCouldSetFileCapabilities = from?.setsFileCapabilities ?? true;
    if (from) return;
    this.uids = EVERYTHING;
    this.gids = EVERYTHING;
  }

  /** From itself to the machine's own. */
  *lineage(): Generator<UserNamespace> {
    for (let at: UserNamespace | undefined = this; at; at = at.parent) yield at;
  }

  /** Whether `other` is this one or lies within it. */
  contains(other: UserNamespace): boolean {
    return [...other.lineage()].includes(this);
  }
}

/** EPERM for who has no number in its own namespace, ENOSPC past 32 levels. */
export function makeUserNamespace(inode: bigint, from: UserNamespaceMaker): UserNamespace {
  if (from.parent.level >= MOST_LEVELS) fail("ENOSPC");
  const known =
    from.parent.uids.inside(from.uid) !== undefined &&
    from.parent.gids.inside(from.gid) !== undefined;
  if (!known) fail("EPERM");
  return new UserNamespace(inode, from);
}

/** Lines of `inside outside count`; EINVAL for what is none, or where two overlap. */
export function parseIdMap(text: string): IdExtent[] {
  const lines = text.replace(/\n$/, "").split("\n");
  if (lines.length > MOST_EXTENTS) fail("EINVAL");
  const extents: IdExtent[] = [];
  for (const line of lines) {
    const parts = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(line) ?? fail("EINVAL");
    const [inside, outside, count] = parts.slice(1).map(Number) as [number, number, number];
    if (inside >= NO_ID || outside >= NO_ID || count === 0) fail("EINVAL");
    if (inside + count > NO_ID + 1 || outside + count > NO_ID + 1) fail("EINVAL");
    const meets = (a: number, b: number, other: number): boolean => a < b + other && b < a + count;
    const overlaps = extents.some(
      (e) => meets(inside, e.inside, e.count) || meets(outside, e.outside, e.count),
    );
    if (overlaps) fail("EINVAL");
    extents.push({ inside, outside, count });
  }
  return extents;
}

/** As in /proc/PID/uid_map: the outer numbers are those of whoever reads, or of the parent. */
export function showIdMap(map: IdMap, outer: IdMap): string {
  const column = (id: number): string => String(id).padStart(10);
  return map.extents
    .map((e) => {
      const outside = outer.inside(e.outside) ?? NO_ID;
      return `${column(e.inside)} ${column(outside)} ${column(e.count)}\n`;
    })
    .join("");
}
