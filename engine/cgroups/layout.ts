// How this machine's cgroups are mounted, read from its own files when somebody asks.

import { type CgroupLayout, detectLayout } from "@nacre/core/cgroup-layout.ts";
import type { Files } from "@nacre/core/ports/files.ts";

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
