// How this machine's cgroups are mounted, read from its own files when somebody asks.

import { type CgroupLayout, detectLayout } from "@nacre/core/cgroup-layout.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import { delegatedHierarchies } from "../unprivileged/delegated.ts";

/** Looked up once: a machine's hierarchies stay while a command runs. */
export function lazyLayout(files: Files): () => CgroupLayout {
  let layout: CgroupLayout | undefined;
  return () => {
    layout ??= detectLayout(
      files.readText("/proc/self/mountinfo"),
      files.readText("/proc/cgroups"),
      (mountpoint) => {
        const path = `${mountpoint}/cgroup.controllers`;
        return files.status(path) && files.readText(path);
      },
    );
    return layout;
  };
}

/** The machine's own user namespace has every ID (user_namespaces(7)). */
const EVERY_ID = /^\s*0\s+0\s+4294967295\s*$/;

/** Whether this process is in the machine's own user namespace. */
export const isMachines = (files: Files): boolean =>
  EVERY_ID.test(files.readText("/proc/self/uid_map"));

/** All that are mounted, or those that a user may use who is not root; looked for once. */
export function usableHierarchies(files: Files, layout: () => CgroupLayout) {
  let found: CgroupLayout["hierarchies"] | undefined;
  return (): CgroupLayout["hierarchies"] => {
    if (found) return found;
    const { hierarchies } = layout();
    found = isMachines(files) ? hierarchies : delegatedHierarchies(files, hierarchies);
    return found;
  };
}
