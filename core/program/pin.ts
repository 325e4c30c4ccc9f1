// Namespaces kept alive by a name: each is bound to a file, which holds it as an open descriptor
// would, whoever comes and goes. The files lie on a tmpfs of their own, for two reasons: a mount
// namespace can be bound only where the mount would spread to nobody (a copy of it in the namespace
// itself would be a cycle, EINVAL), and nothing of it is left on a disk after a crash.

import { inverseOf } from "./inverse.ts";
import type { NamespaceKind, Operation } from "./operation.ts";
import type { KernelProgram } from "./program.ts";

/** Where the pins are, and the one of this program. */
export interface PinPlace {
  readonly parent: string;
  readonly directory: string;
}

/** The file by which a pinned namespace is held. */
export const pinnedFile = ({ directory }: PinPlace, kind: NamespaceKind): string =>
  `${directory}/${kind}`;

/** `kinds` of a process are held from now on. */
export function pinProgram(
  name: string,
  place: PinPlace,
  pid: number,
  kinds: readonly NamespaceKind[],
): KernelProgram {
  const { parent, directory } = place;
  const each = kinds.flatMap((kind): Operation[] => [
    {
      op: "createFile",
      path: pinnedFile(place, kind),
      mode: 0o400,
      data: "",
      why: `the name by which the ${kind} namespace can be joined`,
    },
    {
      op: "bind",
      source: `/proc/${pid}/ns/${kind}`,
      target: pinnedFile(place, kind),
      why: "a mount of a namespace's file keeps it alive when its last process has gone",
    },
  ]);
  return {
    title: `pin ${kinds.join(", ")} of process ${pid} as ${name}`,
    host: [
      { op: "makeDirectory", path: parent, mode: 0o700, existing: "keep" },
      { op: "makeDirectory", path: directory, mode: 0o700, existing: "fail" },
      {
        op: "mount",
        mount: {
          type: "tmpfs",
          source: "nacre-pins",
          options: ["mode=700", "size=64k"],
          attributes: ["nosuid", "nodev", "noexec"],
        },
        target: directory,
        why: "nothing of a pin is to be left on the disk",
      },
      {
        op: "setPropagation",
        path: directory,
        mode: "private",
        recursive: false,
        why: "so that no other mount namespace gets, and holds, what is bound here",
      },
      ...each,
    ],
  };
}

/** Lets go of what `pinProgram` holds, or of what a killed one of it has left. */
export function unpinProgram(
  name: string,
  place: PinPlace,
  kinds: readonly NamespaceKind[],
): KernelProgram {
  const inverses = pinProgram(name, place, 0, kinds)
    .host.slice(1) // other pins are in the parent
    .flatMap((operation) => inverseOf(operation) ?? []);
  return { title: `unpin ${name}`, host: inverses.reverse() };
}
