import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { cgroupDirectory } from "./cgroup-files.ts";

/**
 * The hierarchy for huge pages, which crun 1.8 cannot do without and few machines of today mount; gone
 * with what is returned.
 */
export function withHugePages(): Disposable {
  const directory = "/sys/fs/cgroup/hugetlb";
  const none = { [Symbol.dispose]() {} };
  if (cgroupDirectory("hugetlb") !== undefined || !existsSync("/sys/fs/cgroup/pids")) return none;
  mkdirSync(directory);
  const mount = ["-t", "cgroup", "-o", "hugetlb", "hugetlb", directory];
  const mounted = spawnSync("mount", mount).status === 0;
  return {
    [Symbol.dispose]() {
      if (mounted) spawnSync("umount", [directory]);
      rmdirSync(directory);
    },
  };
}
