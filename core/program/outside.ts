// A container in a user namespace of its own is made by two: its first process, which is in it and
// may do there what it likes, and one outside that has the machine's powers. All that is mounted
// and placed is the second one's, since layers, volumes and binds are the machine's, and may lie
// where nobody of the namespace gets to.
//
// Layers belong to the machine's IDs, and one store serves all maps. So they are shown through
// mounts with other owners (MOUNT_ATTR_IDMAP), the storage layer as well: in it files keep the IDs
// that they have in the container, whatever its map is.

import { NacreError } from "../error.ts";
import { hostId, type IdMap, mapLines, type UserMaps } from "../user-namespace/id-map.ts";
import type { OwnerMap } from "./mount-description.ts";
import type { Bind, Operation } from "./operation.ts";
import type { ProcessUser } from "./user.ts";

/** The user namespace of a container: its maps, and where it is, if it is another's. */
export interface UserPlan extends UserMaps {
  readonly path?: string;
  /** Whether its layers lie there with its owners: nothing has to be shown by others. */
  readonly ownLayers?: boolean;
}

/** An ID of the container as the machine has it. NacreError `invalid` for one that is not mapped. */
export function mappedId(map: IdMap, id: number, what: string): number {
  const found = hostId(map, id);
  if (found !== undefined) return found;
  throw new NacreError("invalid", `${what}: ID ${id} is not in the container's user namespace`, {
    advice: "Map it, or choose one that is: --uidmap and --gidmap say which there are.",
  });
}

/** Who a process of the container is must be somebody there. NacreError `invalid`. */
export function mustBeMapped(
  { uid, gid, additionalGids }: ProcessUser,
  { uids, gids }: UserMaps,
): void {
  mappedId(uids, uid, "user");
  for (const each of [gid, ...additionalGids]) mappedId(gids, each, "group");
}

const KEYS: Readonly<Record<string, keyof UserMaps>> = { uid: "uids", gid: "gids" };

/** Options of file systems that name an owner, as the machine counts. */
function mappedOptions(options: readonly string[], maps: UserMaps, what: string): string[] {
  return options.map((option) => {
    const [, key = "", id] = /^(uid|gid)=(\d+)$/.exec(option) ?? [];
    const kind = KEYS[key];
    return kind ? `${key}=${mappedId(maps[kind], Number(id), what)}` : option;
  });
}

/** What is said in the container's IDs, in the machine's. */
export function withOwner(operation: Operation, maps: UserMaps): Operation {
  if (operation.op === "placeNode") {
    // A device may belong to a group that a small map has not, as terminals do.
    const uid = hostId(maps.uids, operation.uid) ?? mappedId(maps.uids, 0, operation.path);
    const gid = hostId(maps.gids, operation.gid) ?? mappedId(maps.gids, 0, operation.path);
    return { ...operation, uid, gid };
  }
  if ("uid" in operation && "mode" in operation) {
    const uid = mappedId(maps.uids, operation.uid, operation.path);
    return { ...operation, uid, gid: mappedId(maps.gids, operation.gid, operation.path) };
  }
  if (operation.op !== "mountInRoot") return operation;
  const { mount, target } = operation;
  return { ...operation, mount: { ...mount, options: mappedOptions(mount.options, maps, target) } };
}

/** The operations, in the IDs of the machine, done by who is outside. */
export function outside(operations: readonly Operation[], maps: UserMaps): Operation[] {
  return operations.map((operation) => ({ ...withOwner(operation, maps), outside: true }));
}

const ownerMap = ({ uids, gids }: UserMaps): OwnerMap => ({
  uids: mapLines(uids),
  gids: mapLines(gids),
});

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";
/** As the snapshotters write a path in `upperdir`. */
const plainPath = (text: string): string => text.replace(/\\(.)/g, "$1");

/** The directories that a mount of the container's root is made of, those of many layers at once. */
function layerDirectories(operation: Operation): string[] {
  if (operation.op !== "mount" || operation.mount.type !== "overlay") return [];
  const valuesOf = (key: string) =>
    operation.mount.options
      .filter((option) => option.startsWith(`${key}=`))
      .map((option) => option.slice(key.length + 1));
  const lowers = valuesOf("lowerdir+");
  const shared = lowers.filter((path, i) =>
    lowers.some((other, j) => i !== j && parentOf(other) === parentOf(path)),
  );
  // The storage layer and its work directory must be on one mount.
  const own = valuesOf("upperdir").map((path) => parentOf(plainPath(path)));
  return [...lowers.map((path) => (shared.includes(path) ? parentOf(path) : path)), ...own];
}

/**
 * The same root, of layers that belong to the container's IDs. All are shown so before the first is
 * mounted, and one within another with that one: a bind over a directory hides what is mounted in it.
 */
export function mappedLayers(operations: readonly Operation[], maps: UserMaps): Operation[] {
  const places = [...new Set(operations.flatMap(layerDirectories))];
  const isWithin = (path: string): boolean => places.some((other) => path.startsWith(`${other}/`));
  const binds = places
    .filter((path) => !isWithin(path))
    .map(
      (path): Bind => ({
        ...{ op: "bind", source: path, target: path, idmap: ownerMap(maps) },
        why: "its files belong to the container's IDs, seen from here alone",
      }),
    );
  const first = operations.findIndex((operation) => layerDirectories(operation).length > 0);
  return operations.toSpliced(Math.max(first, 0), 0, ...binds);
}

/** The lines of its maps, written while the first process waits. */
export function mapOperations({ path, uids, gids }: UserPlan): Operation[] {
  if (path !== undefined) return [];
  return [
    {
      ...{ op: "writeProcessFile", name: "uid_map", data: mapLines(uids) },
      why: "root of the container is nobody on the machine: its users are these",
    },
    {
      ...{ op: "writeProcessFile", name: "gid_map", data: mapLines(gids) },
      why: "and its groups",
    },
  ];
}

/** Files that are made from here on belong to root of the container. */
export function ownedByRoot({ uids, gids }: UserMaps): Operation {
  return {
    op: "actAsOwner",
    uid: mappedId(uids, 0, "--uidmap"),
    gid: mappedId(gids, 0, "--gidmap"),
    why: "what is made for the container belongs to its root",
  };
}

/** Terminals, whose group the kernel refuses where the map has none of its number. */
export function ofMappedGroup(operation: Operation, { gids }: UserMaps): Operation {
  if (operation.op !== "mountInRoot") return operation;
  const { mount } = operation;
  const isKnown = (option: string) =>
    !/^gid=\d+$/.test(option) || hostId(gids, Number(option.slice(4))) !== undefined;
  return { ...operation, mount: { ...mount, options: mount.options.filter(isKnown) } };
}

/** Root of the user namespace, and not of the machine. */
export const BECOME_ROOT: Operation = {
  ...{ op: "setUser", uid: 0, gid: 0, groups: [] },
  why: "root of its user namespace, and not of the machine",
};

const isShown = (operation: Operation): boolean =>
  operation.op === "bindInRoot" && (operation.field?.startsWith("mounts") ?? false);

/**
 * Where the child makes its root itself, as that of an OCI runtime: binds are done for it, since
 * their sources may be closed to its users, and shown with other owners by nobody but the machine.
 */
export function bindsOutside(
  operations: readonly Operation[],
  rootfs: string,
  maps: UserMaps,
): Operation[] {
  const begin: Operation[] = [
    { op: "openRoot", path: rootfs, outside: true, field: "root.path" },
    { ...ownedByRoot(maps), outside: true },
  ];
  return operations.flatMap((operation, i) => {
    if (!isShown(operation)) return [operation];
    const before = operations[i - 1];
    const head = before && isShown(before) ? [] : begin;
    return [...head, { ...operation, outside: true }];
  });
}
