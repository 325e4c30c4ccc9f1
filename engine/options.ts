// What the composition root tells the engine: everything that is neither a port nor code.

import type { Core } from "@nacre/core/core.ts";
import type { ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { TerminalSize } from "./containers/planner.ts";
import type { RegistryOptions } from "./registry/registry.ts";

export interface EngineOptions {
  /** Directory of all state, absolute. */
  readonly root: string;
  readonly version: string;
  /** The backend's name, for `info`. */
  readonly backend: string;
  /** Absent: `erofs` where the kernel can, else `directory`. */
  readonly snapshotter?: string;
  /** Whose subordinate IDs containers have: `default`, `USER[:GROUP]`, `UID[:GID]`. Absent: they have the machine's users. */
  readonly usernsRemap?: string;
  readonly registries?: RegistryOptions;
  /** How large what builds keep may become; 10 GiB if absent. */
  readonly buildCacheBytes?: number;
  /** This process. */
  readonly self: ProcessIdentity;
  /** Changes with every boot of the machine. */
  readonly bootId: string;
  /** The command that a detached container's supervisor starts once the container has ended. */
  readonly settleCommand: (containerId: string) => readonly string[];
  /** The command that is started when a container's health is to be checked again. */
  readonly healthCommand: (containerId: string) => readonly string[];
  readonly terminalSize: () => TerminalSize | undefined;
  /** The compiled core; instantiated on first use, since few commands need it. */
  readonly core: () => Core;
}
