// Users of a container whose engine belongs to a user who is not root. They are taken of the IDs
// that the engine's own namespace has: 0 is the user, the subordinate IDs are from 1 on.

import { NacreError } from "@nacre/core/error.ts";
import { lender } from "@nacre/core/program/namespace-plan.ts";
import type { ContainerRequest, IdMapsRequest } from "@nacre/core/program/request.ts";
import {
  checkIdMap,
  dividedBy,
  hostId,
  type IdMap,
  idsOf,
  keptIds,
  type UserMaps,
  withoutFirst,
} from "@nacre/core/user-namespace/id-map.ts";
import { isSingle } from "@nacre/core/user-namespace/own-tree.ts";
import { liesWithin } from "@nacre/core/user-namespace/subordinate-ids.ts";
import type { ChoiceParts } from "./choose.ts";

/** `uid=N,gid=N` of keep-id; the user's own where one is not said. NacreError `invalid`. */
function keptOf(options: string | undefined, own: UserMaps): { uid: number; gid: number } {
  const kept = { uid: hostId(own.uids, 0) ?? 0, gid: hostId(own.gids, 0) ?? 0 };
  for (const option of options === undefined ? [] : options.split(",")) {
    const [, name, digits] = /^(uid|gid)=(\d{1,10})$/.exec(option) ?? [];
    if (name === undefined) {
      throw new NacreError(
        "invalid",
        `--userns keep-id: unknown option ${JSON.stringify(option)}`,
        {
          advice: "There are uid=N and gid=N, as in --userns keep-id:uid=1000,gid=1000.",
        },
      );
    }
    kept[name as "uid" | "gid"] = Number(digits);
  }
  return kept;
}

function needsSubordinate(word: string, own: UserMaps): void {
  if (!isSingle(own)) return;
  throw new NacreError(
    "unsupported",
    `--userns ${word}: you have no subordinate IDs, so there is nobody else to be root of the container`,
    {
      advice:
        "docs/ROOTLESS.md says how to get them; without --userns root of the container is you.",
    },
  );
}

function written({ uids, gids, subuidName, subgidName }: IdMapsRequest, own: UserMaps): UserMaps {
  if (subuidName !== undefined || subgidName !== undefined) {
    throw new NacreError(
      "unsupported",
      "--subuidname and --subgidname: without root all IDs that there are to give are your own already",
      {
        advice: "Say which by --uidmap and --gidmap: 0 is you, your subordinate IDs are from 1 on.",
      },
    );
  }
  const of = (map: IdMap = [], ids: IdMap, option: string): IdMap => {
    checkIdMap(map, option);
    if (liesWithin(map, [{ first: 0, count: idsOf(ids) }])) return map;
    throw new NacreError(
      "denied",
      `${option}: the map goes outside of the ${idsOf(ids)} IDs that you have`,
      {
        advice:
          "Without root the second number counts your own: 0 is you, your subordinate IDs are from 1 on.",
      },
    );
  };
  return {
    uids: of(uids ?? gids, own.uids, "--uidmap"),
    gids: of(gids ?? uids, own.gids, "--gidmap"),
  };
}

/** Undefined for all that the engine's own namespace has. NacreError `invalid`, `denied`, `unsupported`, `not-found`. */
export function unprivilegedUsers(
  { userns = "", idMaps }: ContainerRequest,
  own: UserMaps,
  { find }: Pick<ChoiceParts, "find">,
): UserMaps | undefined {
  const divided = ({ uids, gids }: UserMaps): UserMaps => ({
    uids: dividedBy(uids, own.uids),
    gids: dividedBy(gids, own.gids),
  });
  if (idMaps) return divided(written(idMaps, own));
  if (userns === "host") return undefined;
  const [, word, rest] = /^([^:]*)(?::(.*))?$/s.exec(userns) as RegExpExecArray;
  const other = lender(userns);
  if (other) return find(other).users;
  if (word !== "keep-id" && word !== "nomap") throw refusedWithoutRoot(userns);
  needsSubordinate(word, own);
  if (word === "nomap") {
    return divided({ uids: withoutFirst(own.uids), gids: withoutFirst(own.gids) });
  }
  const { uid, gid } = keptOf(rest, own);
  return divided({ uids: keptIds(own.uids, uid), gids: keptIds(own.gids, gid) });
}

export const refusedWithoutRoot = (userns: string): NacreError =>
  new NacreError(
    "unsupported",
    `--userns ${userns || "of --userns-remap"}: without root containers have the IDs of the one who runs nacre, and no others`,
    {
      advice:
        "There are keep-id, nomap, container:NAME, host, --uidmap and --gidmap; or run the command as root.",
    },
  );
