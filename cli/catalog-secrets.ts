// The commands on secrets: a part of catalog.ts.

import type { Entry } from "./catalog-entry.ts";

export const SECRET_COMMANDS: readonly Entry[] = [
  {
    name: "secret create",
    summary: "Keep a password, a key and the like for containers",
    group: "Secrets",
    load: () => import("./commands/secret-create.ts"),
  },
  {
    name: "secret ls",
    aliases: ["secret list"],
    summary: "List secrets",
    group: "Secrets",
    load: () => import("./commands/secret-ls.ts"),
  },
  {
    name: "secret inspect",
    summary: "Show everything about secrets but what they say, as JSON",
    group: "Secrets",
    load: () => import("./commands/secret-inspect.ts"),
  },
  {
    name: "secret exists",
    summary: "Tell by the exit code whether there is a secret",
    group: "Secrets",
    load: () => import("./commands/secret-exists.ts"),
  },
  {
    name: "secret rm",
    aliases: ["secret remove"],
    summary: "Remove one or more secrets",
    group: "Secrets",
    load: () => import("./commands/secret-rm.ts"),
  },
];
