// The engine's process as one of a user who is not root, in a user and a mount namespace that it
// made, as backends/linux/native/rootless.c does: it has its home, and what anybody may read.

import type { KernelFacts } from "@nacre/core/ports/kernel.ts";
import { hostId, mapLines, type UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { everyGroup, everyUser } from "./credentials.ts";
import * as files from "./file-calls.ts";
import { writeIdMap, writeSetgroups } from "./id-map-files.ts";
import type { Machine } from "./machine.ts";
import { unshare } from "./namespace-calls.ts";
import { lookup } from "./path-lookup.ts";
import type { Process } from "./process.ts";

/** Whose owner is the user. */
export const HOME = "/home/user";

/** `maps`: those that newuidmap(1) writes for it; its own are those of 0. */
export function becomeUnprivileged(
  machine: Machine,
  init: Process,
  caller: Process,
  maps: UserMaps,
): void {
  const [uid = 0, gid = 0] = [maps.uids, maps.gids].map((map) => hostId(map, 0));
  machine.as(init, () => {
    if (!lookup(init, "/").dentry.inode.lookup("home")) files.makeDirectory(init, "/home", 0o755);
    files.makeDirectory(init, HOME, 0o700);
    files.changeOwner(init, lookup(init, HOME), uid, gid);
  });
  const none = { effective: 0n, permitted: 0n };
  caller.credentials = {
    ...caller.credentials,
    ...everyUser(uid),
    ...everyGroup(gid),
    ...none,
  };
  machine.as(caller, () => unshare(machine, caller, ["user", "mnt"]));
  const { user } = caller.namespaces;
  const single = maps.gids.length === 1 && maps.gids[0]?.size === 1;
  if (single) machine.as(caller, () => writeSetgroups(user, "deny"));
  machine.as(init, () => {
    writeIdMap(machine, user, "uids", mapLines(maps.uids));
    writeIdMap(machine, user, "gids", mapLines(maps.gids));
  });
}

/** What is otherwise for such a user (KernelFacts). */
export const unprivilegedFacts = (maps: UserMaps | undefined): Partial<KernelFacts> =>
  maps ? { userNamespace: maps, erofs: "none" } : {};
