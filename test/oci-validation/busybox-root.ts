// The programs of a container's root: one static busybox under many names.

import { symlinkSync } from "node:fs";
import { join } from "node:path";

export const BUSYBOX = "/bin/busybox";

const NAMES = [
  ...["sh", "cat", "echo", "false", "head", "hostname", "ls", "mkdir", "mount", "mkfifo", "pwd"],
  ...["readlink", "rm", "sleep", "stat", "touch", "true", "umount", "id"],
];

export function busyboxLinks(directory: string): void {
  for (const name of NAMES) symlinkSync("busybox", join(directory, name));
}
