// Whose IDs there are to give: of /etc/subuid and /etc/subgid, by an account of this machine.

import { NacreError, whereFound } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import {
  type IdRange,
  requireRanges,
  subordinateRanges,
} from "@nacre/core/user-namespace/subordinate-ids.ts";

export const SUBUID = "/etc/subuid";
export const SUBGID = "/etc/subgid";

/** Whose ranges `--userns auto` gives, as podman has it. */
export const AUTO_OWNER = "containers";
/** Given where that one has none: the upper half of all IDs, but for the last, which no account has. */
export const AUTO_RANGE: IdRange = { first: 0x8000_0000, count: 0x7fff_0000 };

/** Whose ranges `--userns-remap default` takes, and what it takes where there are none: the IDs right below those. */
const REMAP_OWNER = "nacre";
const REMAP_RANGE: IdRange = { first: 0x7fff_0000, count: 0x1_0000 };

export interface Ranges {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}

/** Empty where there is none. */
export const textOf = (path: string, files: Files): string =>
  whereFound(() => files.readText(path)) ?? "";

/** Those of an owner; where it has none of one kind, the fallback for both. */
export function rangesOrElse(name: string, fallback: IdRange, files: Files): Ranges {
  const uids = subordinateRanges(textOf(SUBUID, files), { name });
  const gids = subordinateRanges(textOf(SUBGID, files), { name });
  if (uids.length > 0 && gids.length > 0) return { uids, gids };
  return { uids: [fallback], gids: [fallback] };
}

interface Account {
  readonly name: string;
  readonly id: number;
}

/** By name or number, in a file such as /etc/passwd. */
function account(word: string, path: string, files: Files): Account {
  for (const line of textOf(path, files).split("\n")) {
    const [name = "", , id = ""] = line.split(":");
    if (/^\d+$/.test(id) && (name === word || id === word)) return { name, id: Number(id) };
  }
  const what = path === "/etc/group" ? "group" : "user";
  throw new NacreError("not-found", `--userns-remap: there is no ${what} ${JSON.stringify(word)}`, {
    advice: `Name one of ${path}, or say default.`,
  });
}

/** `default`, `USER[:GROUP]` or `UID[:GID]`, as docker's daemon takes it. NacreError `not-found`. */
export function remappedRanges(remap: string, files: Files): Ranges {
  if (remap === "default") return rangesOrElse(REMAP_OWNER, REMAP_RANGE, files);
  const colon = remap.indexOf(":");
  const user = account(colon < 0 ? remap : remap.slice(0, colon), "/etc/passwd", files);
  const group = colon < 0 ? user : account(remap.slice(colon + 1), "/etc/group", files);
  const option = "--userns-remap";
  return {
    uids: requireRanges(textOf(SUBUID, files), SUBUID, user, option),
    gids: requireRanges(textOf(SUBGID, files), SUBGID, group, option),
  };
}
