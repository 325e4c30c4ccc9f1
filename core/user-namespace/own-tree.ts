// Trees that are filled in a user namespace: what of a layer can be made there, and as whose.
//
// - Overlayfs keeps its marks in user.overlay.* there (`userxattr`). A layer's own attributes of
//   that name would be taken for such marks, and other trusted.* ones are for the machine's root
//   alone: both are left out.
// - Nodes of devices cannot be made (mknod(2): CAP_MKNOD in the first user namespace), but for
//   whiteouts, since 5.8. They are left out, as docker and podman do.
// - An owner that has no ID here cannot own anything (user_namespaces(7)). Where there is one ID
//   alone, whoever the files belong to, they are that one's.

import { NacreError } from "../error.ts";
import type { Operation } from "../program/operation.ts";
import type { KernelProgram } from "../program/program.ts";
import { hostId, type IdMap, idsOf, type UserMaps } from "./id-map.ts";

const TRUSTED = "trusted.";
const OVERLAY = "trusted.overlay.";
const MARKS = "user.overlay.";

/** Whether there is one user, and nobody beside: no subordinate IDs were to be had. */
export const isSingle = ({ uids, gids }: UserMaps): boolean =>
  [uids, gids].some((map) => idsOf(map) === 1);

/** @throws NacreError `unsupported` for an owner who has no ID here */
export function ownTree(program: KernelProgram, maps: UserMaps | undefined): KernelProgram {
  if (!maps) return program;
  return { ...program, host: program.host.flatMap((operation) => own(operation, maps)) };
}

function own(operation: Operation, maps: UserMaps): Operation | readonly Operation[] {
  switch (operation.op) {
    case "placeAttribute": {
      const { name } = operation;
      if (name.startsWith(OVERLAY)) return { ...operation, name: name.replace(TRUSTED, "user.") };
      return name.startsWith(TRUSTED) || name.startsWith(MARKS) ? [] : operation;
    }
    case "placeNode":
      return isNodeOfDevice(operation) ? [] : { ...operation, ...owner(operation, maps) };
    case "placeDirectory":
    case "placeFile":
    case "placeSymlink":
    case "placeText":
      return { ...operation, ...owner(operation, maps) };
    default:
      return operation;
  }
}

const isNodeOfDevice = ({ type, major, minor }: Extract<Operation, { op: "placeNode" }>) =>
  type !== "fifo" && (type !== "character" || major !== 0 || minor !== 0);

interface Owned {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
}

/** Who owns it there. @throws NacreError `unsupported` */
export function owner({ path, uid, gid }: Owned, maps: UserMaps): Pick<Owned, "uid" | "gid"> {
  const id = (map: IdMap, wanted: number): number | undefined =>
    hostId(map, wanted) !== undefined ? wanted : isSingle(maps) ? 0 : undefined;
  const found = { uid: id(maps.uids, uid), gid: id(maps.gids, gid) };
  if (found.uid !== undefined && found.gid !== undefined) {
    return { uid: found.uid, gid: found.gid };
  }
  throw new NacreError("unsupported", `/${path} belongs to ${uid}:${gid}, who is nobody here`, {
    advice:
      "Your range of subordinate IDs is too short: have a longer one put into /etc/subuid and /etc/subgid, and stop your containers, so that it is taken.",
  });
}
