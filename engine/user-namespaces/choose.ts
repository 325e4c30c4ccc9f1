// Which users a new container has: `--userns`, `--uidmap` and their like, or what --userns-remap
// says of all containers. A choice is made where the container is recorded, so that no two get the
// same range of IDs.

import { NacreError } from "@nacre/core/error.ts";
import { IDMAPPED_LAYERS_KERNEL, kernelAtLeast } from "@nacre/core/kernel-release.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { KernelFacts } from "@nacre/core/ports/kernel.ts";
import { lender } from "@nacre/core/program/namespace-plan.ts";
import type { ContainerRequest, IdMapsRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { checkIdMap, type IdMap, type UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import {
  type IdRange,
  liesWithin,
  mapOfRanges,
  requireRanges,
} from "@nacre/core/user-namespace/subordinate-ids.ts";
import { HOST_IMAGE } from "../containers/host-image.ts";
import { autoChoice } from "./auto.ts";
import { joinedMaps } from "./joined.ts";
import { remappedRanges, SUBGID, SUBUID, textOf } from "./ranges.ts";
import { refusedWithoutRoot, unprivilegedUsers } from "./unprivileged.ts";

export interface ChoiceParts {
  readonly files: Files;
  readonly find: (container: string) => ContainerRecord;
  /** What `--userns-remap` says; absent: containers have the machine's users. */
  readonly remap?: string | undefined;
  readonly facts: Pick<KernelFacts, "release" | "userNamespace">;
}

/** Asked in the transaction that records the container; `taken`: what the others have. */
export type Choice = (taken: readonly UserMaps[]) => UserMaps;

const ADVICE = "Run it with --userns host, or leave the other option out.";
const refused = (message: string): NacreError =>
  new NacreError("conflict", message, { advice: ADVICE });

/**
 * What somebody expects power over the machine of, who may not know that all containers are
 * remapped: docker refuses it, in these words. Who asks for users of a container's own beside it
 * gets both, as with podman: its root has all powers, over nothing of the machine.
 */
function refuseUnasked(request: ContainerRequest): void {
  if (request.privileged) {
    throw refused(
      "privileged mode is incompatible with user namespaces: run the container in the host's user namespace",
    );
  }
  if (request.network === "host") {
    throw refused("cannot share the host's network namespace when user namespaces are enabled");
  }
  if (request.namespaces?.pid === "host") {
    throw refused("cannot share the host PID namespace when user namespaces are enabled");
  }
}

/** What no request with users of its own can have beside it. */
function refuseConflicts(
  { image }: Pick<ContainerRequest, "image">,
  { release }: ChoiceParts["facts"],
): void {
  if (image === HOST_IMAGE) {
    throw refused(
      `the image ${HOST_IMAGE} is the machine's own root: it cannot be shown to other users`,
    );
  }
  if (kernelAtLeast(release, IDMAPPED_LAYERS_KERNEL)) return;
  throw new NacreError(
    "unsupported",
    `--userns: kernel ${release} shows no layers with other owners; Linux ${IDMAPPED_LAYERS_KERNEL} and newer do`,
    { advice: "Run it with --userns host." },
  );
}

/** Undefined for a container that has the machine's users. NacreError `invalid`, `not-found`, `conflict`, `unsupported`. */
export function chooseUsers(request: ContainerRequest, parts: ChoiceParts): Choice | undefined {
  refuseMaps(request);
  const own = parts.facts.userNamespace;
  if (own) {
    const users = unprivilegedUsers(request, own, parts);
    return users && fixed(users);
  }
  const choice = wanted(request, parts);
  if (choice) refuseConflicts(request, parts.facts);
  return choice;
}

function refuseMaps({ userns = "", idMaps }: ContainerRequest): void {
  if (!idMaps || userns === "" || userns === "private") return;
  throw new NacreError(
    "conflict",
    `--uidmap and its like cannot be combined with --userns ${userns}`,
    {
      advice: "Leave --userns out: a map brings a user namespace.",
    },
  );
}

function wanted(request: ContainerRequest, parts: ChoiceParts): Choice | undefined {
  const { userns = "", idMaps } = request;
  if (idMaps) return fixed(askedMaps(idMaps, parts.files));
  if (userns === "host") return undefined;
  if (userns === "" || userns === "private") {
    if (parts.remap !== undefined) {
      refuseUnasked(request);
      return fixed(remapped(parts.remap, parts.files));
    }
    return userns === "" ? undefined : autoChoice("", parts.files);
  }
  const [, word, rest] = /^([^:]*)(?::(.*))?$/s.exec(userns) as RegExpExecArray;
  if (word === "auto") return autoChoice(rest ?? "", parts.files);
  if (word === "keep-id" || word === "nomap") throw rootless(word);
  const other = lender(userns);
  if (other) {
    const { users } = parts.find(other);
    return users && fixed(users);
  }
  if (word === "ns" && rest?.startsWith("/")) return fixed(joinedMaps(rest, parts.files));
  throw new NacreError("invalid", `--userns: invalid USER mode ${JSON.stringify(userns)}`, {
    advice: "There are host, private, auto[:size=N], container:NAME, ns:PATH.",
  });
}

const fixed =
  (maps: UserMaps): Choice =>
  () =>
    maps;

const rootless = (word: string): NacreError =>
  new NacreError(
    "unsupported",
    `--userns ${word} is for containers of users other than root: it is about the one who runs nacre, and here that is root`,
    { advice: "Use --userns auto, or say who is who by --uidmap and --gidmap." },
  );

/** Those of `--userns-remap` for a step of a build, which has the machine's network where it has one. NacreError `not-found`, `unsupported`. */
export function remappedUsers(remap: string, files: Files, facts: ChoiceParts["facts"]): UserMaps {
  if (facts.userNamespace) throw refusedWithoutRoot("");
  refuseConflicts({ image: "" }, facts);
  return remapped(remap, files);
}

/** `--userns-remap`: the same users for all. */
function remapped(remap: string, files: Files): UserMaps {
  const { uids, gids } = remappedRanges(remap, files);
  return { uids: mapOfRanges(uids), gids: mapOfRanges(gids) };
}

function askedMaps({ uids, gids, subuidName, subgidName }: IdMapsRequest, files: Files): UserMaps {
  const users = subuidName ?? subgidName;
  const groups = subgidName ?? subuidName;
  const of = (name: string | undefined, path: string, option: string) =>
    name === undefined ? undefined : requireRanges(textOf(path, files), path, { name }, option);
  const subordinate = {
    uids: of(users, SUBUID, "--subuidname"),
    gids: of(groups, SUBGID, "--subgidname"),
  };
  return {
    uids: oneMap(uids ?? gids, subordinate.uids, "--uidmap", users),
    gids: oneMap(gids ?? uids, subordinate.gids, "--gidmap", groups),
  };
}

/** What was written, or all that a user may give away; both: what was written must be that user's. */
function oneMap(
  written: IdMap | undefined,
  ranges: readonly IdRange[] | undefined,
  option: string,
  name: string | undefined,
): IdMap {
  const map = written ?? mapOfRanges(ranges ?? []);
  checkIdMap(map, option);
  if (written && ranges && !liesWithin(written, ranges)) {
    const path = option === "--uidmap" ? SUBUID : SUBGID;
    throw new NacreError(
      "denied",
      `${option}: the map goes outside of what ${path} gives ${name}`,
      {
        advice: `Stay within its ranges, or leave out ${option === "--uidmap" ? "--subuidname" : "--subgidname"}.`,
      },
    );
  }
  return map;
}
