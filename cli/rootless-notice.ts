// What a user who is not root is told once: that there are no subordinate IDs, and how to get them.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./host.ts";

const NOTICE =
  "nacre: note: you have no subordinate IDs, so containers have one user alone, and all files of images are that one's. The package uidmap, and lines in /etc/subuid and /etc/subgid (usermod --add-subuids 100000-165535 --add-subgids 100000-165535 NAME), give you more once your containers are stopped. This is said once.\n";

/**
 * Nothing where the namespace has more than one ID, or where the mark below `root` says that it was
 * told.
 */
export function tellSingleUser(host: Pick<Host, "mark" | "printError">, root: string): void {
  const lines = readFileSync("/proc/self/uid_map", "utf8").trim().split("\n");
  if (lines.length > 1 || lines[0]?.trim().split(/\s+/)[2] !== "1") return;
  if (host.mark(join(root, "single-user-told"))) host.printError(NOTICE);
}
