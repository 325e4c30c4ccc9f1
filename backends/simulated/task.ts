// What a process is to the file system layer: who asks, and from where names are resolved.

import type { Credentials } from "./credentials.ts";
import type { DeviceNumber } from "./inode.ts";
import type { Path } from "./mount.ts";

export interface Task {
  root: Path;
  cwd: Path;
  umask: number;
  credentials: Credentials;
  /** Whether a device may be opened (`r`, `w`) or made (`m`); absent, all may. */
  mayUseDevice?(kind: "character" | "block", device: DeviceNumber, access: string): boolean;
}
