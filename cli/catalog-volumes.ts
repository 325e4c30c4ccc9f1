// The commands on volumes: a part of catalog.ts.

import type { Entry } from "./catalog-entry.ts";

export const VOLUME_COMMANDS: readonly Entry[] = [
  {
    name: "volume create",
    summary: "Create a volume",
    group: "Volumes",
    load: () => import("./commands/volume-create.ts"),
  },
  {
    name: "volume ls",
    aliases: ["volume list"],
    summary: "List volumes",
    group: "Volumes",
    load: () => import("./commands/volume-ls.ts"),
  },
  {
    name: "volume inspect",
    summary: "Show everything about volumes, as JSON",
    group: "Volumes",
    load: () => import("./commands/volume-inspect.ts"),
  },
  {
    name: "volume exists",
    summary: "Tell by the exit code whether there is a volume",
    group: "Volumes",
    load: () => import("./commands/volume-exists.ts"),
  },
  {
    name: "volume rm",
    aliases: ["volume remove"],
    summary: "Remove one or more volumes",
    group: "Volumes",
    load: () => import("./commands/volume-rm.ts"),
  },
  {
    name: "volume prune",
    summary: "Remove volumes that no container has",
    group: "Volumes",
    load: () => import("./commands/volume-prune.ts"),
  },
];
