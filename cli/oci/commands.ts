// The commands by name. Those that are called for every container are loaded at once, the rest
// when they are asked for.

import type { OciCommand } from "./command.ts";
import { create, run } from "./create.ts";
import { exec } from "./exec.ts";
import { checkpoint, deleteCommand, kill, pause, resume, start, state } from "./life.ts";
import { events, features, list, ps } from "./looks.ts";
import { spec } from "./spec.ts";
import { update } from "./update.ts";

export const OCI_COMMANDS: Readonly<Record<string, OciCommand>> = {
  ...{ create, start, state, kill, delete: deleteCommand, exec, run },
  ...{ list, ps, pause, resume, update, events, features, spec },
  ...{ checkpoint, restore: checkpoint },
};
