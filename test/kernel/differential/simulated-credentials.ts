// The system calls by which a simulated process becomes somebody else: the counterpart of the part of
// actor.c that is about credentials, and of probe.c.

import * as credentials from "@nacre/simulated/credential-calls.ts";
import type { Credentials } from "@nacre/simulated/credentials.ts";
import { errnoOf, fail } from "@nacre/simulated/errno.ts";
import { become, findImage } from "@nacre/simulated/exec.ts";
import type { Process } from "@nacre/simulated/process.ts";
import * as processes from "@nacre/simulated/process-calls.ts";
import { type Call, N, S } from "./call-words.ts";
import { streams } from "./simulated-actors.ts";

/** -1 leaves one as it is. */
function ids(w: readonly string[]): credentials.ThreeIds {
  const [real, effective, saved] = [0, 1, 2].map((at) => (S(w, at) === "-1" ? "" : S(w, at)));
  return {
    ...(real && { real: Number(real) }),
    ...(effective && { effective: Number(effective) }),
    ...(saved && { saved: Number(saved) }),
  };
}

function users({ user, realUid, uid, savedUid, fsUid }: Credentials): string {
  return [realUid, uid, savedUid, fsUid].map((id) => user.uids.shown(id)).join(" ");
}
function groupIds({ user, realGid, gid, savedGid, fsGid }: Credentials): string {
  return [realGid, gid, savedGid, fsGid].map((id) => user.gids.shown(id)).join(" ");
}

/** What probe.c says of itself. */
function whoIs({ credentials: who }: Process): string {
  const sets = [
    ["prm", who.permitted],
    ["eff", who.effective],
    ["inh", who.inheritable],
    ["amb", who.ambient],
  ] as const;
  const capabilities = sets.map(([name, set]) => `${name} ${set.toString(16)}`).join(" ");
  const noNew = who.noNewPrivileges ? 1 : 0;
  return `uid ${users(who)} gid ${groupIds(who)} ${capabilities} nnp ${noNew}`;
}

export const CREDENTIALS: Readonly<Record<string, Call>> = {
  setuid: ({ process }, w) => credentials.setUser(process, N(w, 0)),
  setgid: ({ process }, w) => credentials.setGroup(process, N(w, 0)),
  setreuid: ({ process }, w) => credentials.setRealAndEffectiveUser(process, ids(w)),
  setregid: ({ process }, w) => credentials.setRealAndEffectiveGroup(process, ids(w)),
  setresuid: ({ process }, w) => credentials.setUsers(process, ids(w)),
  setresgid: ({ process }, w) => credentials.setGroupIds(process, ids(w)),
  setfsuid: ({ process }, w) => credentials.setFileUser(process, N(w, 0)),
  setfsgid: ({ process }, w) => credentials.setFileGroup(process, N(w, 0)),
  setgroups: ({ process }, w) => credentials.setGroups(process, w.map(Number)),
  ids: ({ process }) => {
    const { groups, user } = process.credentials;
    const all = groups.map((group) => ` ${user.gids.shown(group)}`);
    return `${users(process.credentials)}:${groupIds(process.credentials)}${all.join("")}`;
  },
  exec: ({ machine, process }, w) => {
    const child = processes.clone(machine, process, [], streams());
    try {
      become(child, findImage(machine, child, [S(w, 0)], []), []);
      return whoIs(child);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      return `fails ${errno}`;
    } finally {
      machine.processes.exit(child, { code: 0, signal: 0 });
      machine.processes.reap(child);
    }
  },
  capset: ({ process }, w) =>
    credentials.setCapabilities(process, {
      effective: BigInt(S(w, 0)),
      permitted: BigInt(S(w, 1)),
      inheritable: BigInt(S(w, 2)),
    }),
  bound: ({ process }, w) => credentials.dropFromBounding(process, N(w, 0)),
  ambient: ({ process }, w) => credentials.raiseAmbient(process, N(w, 0)),
  keepcaps: ({ process }, w) => {
    if (N(w, 0) > 1) fail("EINVAL");
    credentials.keepCapabilities(process, N(w, 0) === 1);
  },
  nonewprivs: ({ process }) => credentials.setNoNewPrivileges(process),
};
