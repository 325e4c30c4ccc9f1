// How all processes of a cgroup are held at once, and let go again. A frozen process is not
// stopped by a signal: it does not notice, and nothing that it or its parent does wakes it.
// Sources: Linux, Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst; cgroup-v2.rst,
// cgroup.freeze.

import { type MountedHierarchy, planCgroups } from "./cgroup-plan.ts";

/** The control files of one node, and what is written to and read from them. */
export interface FreezeControl {
  readonly file: string;
  readonly frozen: string;
  readonly thawed: string;
  /** Where it is seen that the last process stands still: to freeze takes a moment. */
  readonly stateFile: string;
  readonly isFrozen: (stateText: string) => boolean;
}

/** Undefined where the machine has no freezer. `path` is the container's, as in planCgroups. */
export function freezeControl(
  hierarchies: readonly MountedHierarchy[],
  path: string,
): FreezeControl | undefined {
  const { hierarchies: joined } = planCgroups(hierarchies, path, {});
  const unified = joined.find((h) => h.version === 2);
  if (unified) {
    const node = unified.mountpoint + path;
    return {
      ...{ file: `${node}/cgroup.freeze`, frozen: "1", thawed: "0" },
      stateFile: `${node}/cgroup.events`,
      isFrozen: (text) => /^frozen 1$/m.test(text),
    };
  }
  const freezer = joined.find((h) => h.controllers.includes("freezer"));
  if (!freezer) return undefined;
  const file = `${freezer.mountpoint}${path}/freezer.state`;
  // FREEZING, in between, is not yet.
  const isFrozen = (text: string): boolean => text.trim() === "FROZEN";
  return { ...{ file, frozen: "FROZEN", thawed: "THAWED" }, stateFile: file, isFrozen };
}
