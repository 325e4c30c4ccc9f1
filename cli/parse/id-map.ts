// `idmap` of a bind mount, as podman writes it: `uids=STORED-SHOWN-LENGTH#…;gids=…`.

import type { IdMapRequest, IdRange } from "@nacre/core/program/request.ts";
import { FlagError } from "../flag-error.ts";

const RANGE = /^(\d+)-(\d+)-(\d+)$/;
/** The kernel's IDs have 32 bits, and the last one says that there is none. */
const ID_LIMIT = 0xffff_ffff;

function parseRanges(text: string): IdRange[] {
  return text.split("#").map((word) => {
    const parts = RANGE.exec(word);
    const [stored = 0, shown = 0, length = 0] = (parts ?? []).slice(1).map(Number);
    if (!parts || length === 0 || Math.max(stored, shown) + length > ID_LIMIT) {
      throw new FlagError(
        `invalid idmap: '${word}' is no range: FIRST-ON-DISK-FIRST-SHOWN-LENGTH, such as 1000-0-1`,
      );
    }
    return { stored, shown, length };
  });
}

/** Empty: whoever owns the source is shown as the container's user. @throws FlagError */
export function parseIdMap(text: string): IdMapRequest {
  if (text === "") return "owner";
  const read: { uids: IdRange[]; gids: IdRange[] } = { uids: [], gids: [] };
  for (const part of text.split(";")) {
    const [kind, ranges] = part.split("=");
    if ((kind !== "uids" && kind !== "gids") || ranges === undefined) {
      throw new FlagError(`invalid idmap: '${part}' is neither uids= nor gids=`);
    }
    read[kind].push(...parseRanges(ranges));
  }
  return read;
}
