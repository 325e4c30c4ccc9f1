// `--userns auto`: IDs that no other container has.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import {
  freeRange,
  type IdRange,
  mapOfRanges,
} from "@nacre/core/user-namespace/subordinate-ids.ts";
import { AUTO_OWNER, AUTO_RANGE, rangesOrElse, SUBGID, SUBUID } from "./ranges.ts";

/** As many as images use: with nobody, 65534, among them. */
const USUAL_SIZE = 65536;

/** `size=N`. */
function sizeOf(options: string): number {
  if (options === "") return USUAL_SIZE;
  const [, digits] = /^size=(\d+)$/.exec(options) ?? [];
  if (digits === undefined) {
    throw new NacreError("invalid", `--userns auto: unknown option ${JSON.stringify(options)}`, {
      advice: "There is size=N, as in --userns auto:size=65536.",
    });
  }
  const size = Number(digits);
  if (size > 0) return size;
  throw new NacreError("invalid", "--userns auto: size=0 is no ID at all");
}

/** @returns what gives a range, asked where the container is recorded. NacreError `invalid`; then `no-space` */
export function autoChoice(options: string, files: Files) {
  const size = sizeOf(options);
  const ranges = rangesOrElse(AUTO_OWNER, AUTO_RANGE, files);
  return (others: readonly UserMaps[]): UserMaps => {
    const one = (kind: "uids" | "gids", path: string) => {
      const taken = others.flatMap((maps) =>
        maps[kind].map(({ hostID, size }): IdRange => ({ first: hostID, count: size })),
      );
      const found = freeRange(ranges[kind], taken, size);
      if (found) return mapOfRanges([found]);
      throw new NacreError("no-space", `--userns auto: no ${size} IDs in a row are free`, {
        advice: `Remove containers, ask for fewer by --userns auto:size=N, or give ${AUTO_OWNER} more in ${path}.`,
      });
    };
    return { uids: one("uids", SUBUID), gids: one("gids", SUBGID) };
  };
}
