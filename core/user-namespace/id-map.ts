// Maps of a user namespace (user_namespaces(7)): which IDs there are in it, and whose they are
// outside. What the kernel would refuse is refused here, by the option that it came from.

import { NacreError } from "../error.ts";
import type { SpecIdMapping } from "../oci/runtime-spec.ts";

/** `size` IDs from `containerID` on are those from `hostID` on outside. */
export type IdMap = readonly SpecIdMapping[];

export interface UserMaps {
  readonly uids: IdMap;
  readonly gids: IdMap;
}

/** UID_GID_MAP_MAX_EXTENTS of linux/user_namespace.h. */
const MOST_LINES = 340;
/** What stands for an ID that a namespace does not know: /proc/sys/kernel/overflowuid. */
export const OVERFLOW_ID = 65534;
/** IDs have 32 bits, and the last one says that there is none. */
const ID_LIMIT = 0xffff_ffff;

const LINE = /^(\d+):@?(\d+)(?::(\d+))?$/;

/**
 * `CONTAINER:HOST[:SIZE]`, as podman's `--uidmap` has it; one ID where no size is given.
 * @param option named in errors, such as `--uidmap`
 * @throws NacreError `invalid`
 */
export function parseIdMapping(text: string, option: string): SpecIdMapping {
  const parts = LINE.exec(text);
  if (!parts) {
    throw new NacreError("invalid", `${option}: '${text}' is no map`, {
      advice: "Give CONTAINER-ID:HOST-ID:SIZE, such as 0:100000:65536.",
    });
  }
  const [containerID = 0, hostID = 0] = parts.slice(1, 3).map(Number);
  const size = parts[3] === undefined ? 1 : Number(parts[3]);
  const mapping = { containerID, hostID, size };
  checkLine(mapping, option);
  return mapping;
}

const shown = ({ containerID, hostID, size }: SpecIdMapping): string =>
  `${containerID}:${hostID}:${size}`;

function checkLine(line: SpecIdMapping, option: string): void {
  if (line.size === 0) {
    throw new NacreError("invalid", `${option}: ${shown(line)} maps no ID: its size is 0`);
  }
  if (Math.max(line.containerID, line.hostID) + line.size > ID_LIMIT) {
    throw new NacreError("invalid", `${option}: ${shown(line)} goes past the last ID`, {
      advice: `IDs end at ${ID_LIMIT - 1}.`,
    });
  }
}

type Side = "containerID" | "hostID";

function overlap(map: IdMap, side: Side): readonly [SpecIdMapping, SpecIdMapping] | undefined {
  const sorted = map.toSorted((a, b) => a[side] - b[side]);
  for (const [i, line] of sorted.entries()) {
    const before = sorted[i - 1];
    if (before && before[side] + before.size > line[side]) return [before, line];
  }
  return undefined;
}

/**
 * Whether the kernel takes a map. With `root` it must also have an ID 0 in the container, whose
 * files the container's mounts are.
 * @param option named in errors
 * @throws NacreError `invalid`
 */
export function checkIdMap(map: IdMap, option: string, { root = true } = {}): void {
  if (map.length === 0) throw new NacreError("invalid", `${option}: the map is empty`);
  if (map.length > MOST_LINES) {
    throw new NacreError(
      "invalid",
      `${option}: ${map.length} lines, and the kernel takes ${MOST_LINES} at most`,
    );
  }
  for (const line of map) checkLine(line, option);
  for (const [side, word] of [
    ["containerID", "in the container"],
    ["hostID", "on the host"],
  ] as const) {
    const two = overlap(map, side);
    if (!two) continue;
    throw new NacreError(
      "invalid",
      `${option}: ${shown(two[0])} and ${shown(two[1])} overlap ${word}`,
      { advice: "Each ID can be mapped once." },
    );
  }
  if (root && hostId(map, 0) === undefined) {
    throw new NacreError("invalid", `${option}: ID 0 of the container is not mapped`, {
      advice: "Root of the container owns what is mounted in it: map it, as in 0:100000:65536.",
    });
  }
}

/** The ID outside; undefined for one that the namespace does not have. */
export function hostId(map: IdMap, id: number): number | undefined {
  const line = map.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return line && line.hostID + (id - line.containerID);
}

/** The ID inside of one outside; undefined where nobody inside can have it. */
export function containerId(map: IdMap, id: number): number | undefined {
  const line = map.find(({ hostID, size }) => id >= hostID && id < hostID + size);
  return line && line.containerID + (id - line.hostID);
}

/** As /proc/PID/uid_map takes it. */
export function mapLines(map: IdMap): string {
  return map.map((line) => `${line.containerID} ${line.hostID} ${line.size}\n`).join("");
}

/** The lines of /proc/PID/uid_map. */
export function readMapLines(text: string): IdMap {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [containerID = 0, hostID = 0, size = 0] = line.trim().split(/\s+/).map(Number);
      return { containerID, hostID, size };
    });
}

/** How many IDs a map has that begins at 0 and has no gap. */
export const idsOf = (map: IdMap): number => map.reduce((sum, { size }) => sum + size, 0);

const lines = (...all: readonly (readonly [containerID: number, hostID: number, size: number])[]) =>
  all
    .filter(([, , size]) => size > 0)
    .map(([containerID, hostID, size]): SpecIdMapping => ({ containerID, hostID, size }));

/**
 * The same map in lines none of which goes across two of `own`, the map of the namespace outside: the
 * kernel takes no such line (map_id_range_down of kernel/user_namespace.c).
 */
export function dividedBy(map: IdMap, own: IdMap): IdMap {
  return map.flatMap((line) =>
    own.flatMap((outer) => {
      const first = Math.max(line.hostID, outer.containerID);
      const end = Math.min(line.hostID + line.size, outer.containerID + outer.size);
      return lines([line.containerID + (first - line.hostID), first, Math.max(end - first, 0)]);
    }),
  );
}

/** A map over the IDs of `own` that has its first one as `id`, and the others around it in their order. */
export function keptIds(own: IdMap, id: number): IdMap {
  const others = idsOf(own) - 1;
  const below = Math.min(id, others);
  return lines([0, 1, below], [id, 0, 1], [id + 1, below + 1, others - below]);
}

/** The same without the first one. */
export const withoutFirst = (own: IdMap): IdMap => lines([0, 1, idsOf(own) - 1]);
