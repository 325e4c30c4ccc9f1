// /etc/subuid and /etc/subgid (subuid(5)): which IDs a user may give away, and the maps that come
// of them.

import { NacreError } from "../error.ts";
import type { SpecIdMapping } from "../oci/runtime-spec.ts";
import type { IdMap } from "./id-map.ts";

/** `count` IDs from `first` on. */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/** Who owns ranges: by name, and by number, since a file may say either. */
export interface Owner {
  readonly name: string;
  readonly id?: number;
}

/** A user's ranges in the order of the file; lines that say nothing are passed over, as newuidmap(1) does. */
export function subordinateRanges(file: string, owner: Owner): IdRange[] {
  return file.split("\n").flatMap((line) => {
    const parts = /^([^:#]+):(\d+):(\d+)\s*$/.exec(line.trim());
    if (!parts) return [];
    const [, who, first, count] = parts;
    const isTheirs = who === owner.name || (owner.id !== undefined && who === String(owner.id));
    return isTheirs && Number(count) > 0 ? [{ first: Number(first), count: Number(count) }] : [];
  });
}

/**
 * The same, and an error where there are none.
 * @param file its contents
 * @param path named in errors, `/etc/subuid` or `/etc/subgid`
 * @throws NacreError `not-found`
 */
export function requireRanges(file: string, path: string, owner: Owner, option: string): IdRange[] {
  const found = subordinateRanges(file, owner);
  if (found.length > 0) return found;
  throw new NacreError(
    "not-found",
    `${option}: no ranges found for user "${owner.name}" in ${path}`,
    { advice: `Add a line such as ${owner.name}:100000:65536 to ${path}.` },
  );
}

/** All IDs of some ranges, from 0 on in the container. */
export function mapOfRanges(ranges: readonly IdRange[]): IdMap {
  let next = 0;
  return ranges.map(({ first, count }): SpecIdMapping => {
    const line = { containerID: next, hostID: first, size: count };
    next += count;
    return line;
  });
}

const end = ({ first, count }: IdRange): number => first + count;

/** What of `range` is in none of `taken`, in order. */
function remains(range: IdRange, taken: readonly IdRange[]): IdRange[] {
  const within = taken
    .filter((one) => one.first < end(range) && range.first < end(one))
    .toSorted((a, b) => a.first - b.first);
  const free: IdRange[] = [];
  let at = range.first;
  for (const one of within) {
    if (one.first > at) free.push({ first: at, count: one.first - at });
    at = Math.max(at, end(one));
  }
  return at < end(range) ? [...free, { first: at, count: end(range) - at }] : free;
}

/**
 * The first `size` IDs in a row that nobody has: of a user's ranges, without those taken.
 * Undefined where there are none.
 */
export function freeRange(
  ranges: readonly IdRange[],
  taken: readonly IdRange[],
  size: number,
): IdRange | undefined {
  const found = ranges.flatMap((range) => remains(range, taken)).find(({ count }) => count >= size);
  return found && { first: found.first, count: size };
}

/** Whether all IDs of a map outside are among the ranges. */
export function liesWithin(map: IdMap, ranges: readonly IdRange[]): boolean {
  return map.every(({ hostID, size }) =>
    ranges.some((range) => hostID >= range.first && hostID + size <= end(range)),
  );
}
