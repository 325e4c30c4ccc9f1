// What peers need of the machine's cgroups, and what they leave there.

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = "/sys/fs/cgroup";

/** Below this cgroup all peers' containers live, so that what they leave can be told apart. */
export const PEERS = "nacre-peers";

function removeTree(path: string): void {
  let names: string[];
  try {
    names = readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return; // it is not there
  }
  for (const name of names) removeTree(join(path, name));
  try {
    rmdirSync(path);
  } catch {
    // A process in it has not quite gone: the leak check of the tests will say so.
  }
}

function removePeers(): void {
  removeTree(join(ROOT, PEERS));
  for (const name of readdirSync(ROOT)) removeTree(join(ROOT, name, PEERS));
}

/**
 * crun refuses a hybrid machine whose v2 hierarchy has a controller. Where hugetlb is the one that
 * nobody took, it is mounted as a v1 hierarchy, and unmounted at the end.
 */
export function prepareCgroups(): Disposable {
  const hugetlb = join(ROOT, "hugetlb");
  let mounted = false;
  try {
    if (/\bhugetlb\b/.test(readFileSync(join(ROOT, "unified", "cgroup.controllers"), "utf8"))) {
      mkdirSync(hugetlb, { recursive: true });
      execFileSync("mount", ["-t", "cgroup", "-o", "hugetlb", "hugetlb", hugetlb]);
      mounted = true;
    }
  } catch {
    // No hybrid: there is nothing to prepare.
  }
  return {
    [Symbol.dispose]: () => {
      removePeers();
      if (!mounted) return;
      execFileSync("umount", [hugetlb]);
      rmdirSync(hugetlb);
    },
  };
}
