// `--userns ns:PATH`: the maps of a user namespace that is there already. Only /proc tells them,
// and only of a process that is in it.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import { checkIdMap, readMapLines, type UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { ifThere, processIds } from "../observation.ts";

function memberOf(path: string, files: Files): number | undefined {
  const [, pid] = /^\/proc\/(\d+)\/ns\/user$/.exec(path) ?? [];
  if (pid !== undefined) return files.status(`/proc/${pid}`) ? Number(pid) : undefined;
  // A bind mount of one has the number of the namespace for its inode.
  const wanted = ifThere(() => files.status(path));
  if (!wanted) return undefined;
  return processIds(files).find(
    (each) => ifThere(() => files.readLink(`/proc/${each}/ns/user`)) === `user:[${wanted.inode}]`,
  );
}

/** NacreError `not-found`, `invalid`. */
export function joinedMaps(path: string, files: Files): UserMaps {
  const pid = memberOf(path, files);
  if (pid === undefined) {
    throw new NacreError("not-found", `--userns ns:${path}: no process is in such a namespace`, {
      advice: "Name /proc/PID/ns/user of a process that lives, or where one is bound.",
    });
  }
  const read = (name: string) => readMapLines(files.readText(`/proc/${pid}/${name}`));
  const maps = { uids: read("uid_map"), gids: read("gid_map") };
  for (const map of [maps.uids, maps.gids]) checkIdMap(map, `--userns ns:${path}`);
  return maps;
}
