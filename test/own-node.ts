// The checkout's own Node. Tests run under any that package.json's `engines` admits; sources that are
// started as they are, with `using` in them, want this one. What is published is lowered for all.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";

export const OWN_NODE = join(
  fileURLToPath(new URL("..", import.meta.url)),
  "node_modules/.bin/node",
);

/** Whether the Node that runs the tests reads `using`, as from 24 on. */
export function readsUsing(): boolean {
  try {
    new Script("{ using nothing = null; }");
    return true;
  } catch {
    return false;
  }
}
