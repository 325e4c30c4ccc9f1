// A Node that has loaded what commands load, frozen, for the user who builds: cli/frozen.ts.

import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { freezeCommand, freezeEnvironment, imagePath, starterPath } from "../../cli/frozen.ts";
import { DIST, run } from "./step.ts";

/** How long it may take; a command without an image begins as Node does. */
const FREEZING_MS = 60_000;

/** What was frozen before is not what is built now. */
export function removeImages(): void {
  if (!existsSync(DIST)) return;
  // Its lock and what freezings have left that were killed have its name before theirs.
  const image = basename(imagePath(DIST, false));
  for (const name of readdirSync(DIST)) {
    if (name.startsWith(image)) rmSync(join(DIST, name), { force: true });
  }
}

export async function freezeNode(): Promise<void> {
  if (process.platform !== "linux" || !existsSync(starterPath(DIST))) return;
  const [node = ""] = readFileSync(join(DIST, "node"), "utf8").split("\n");
  const image = imagePath(DIST, process.getuid?.() !== 0);
  const [command = "", ...words] = freezeCommand(DIST, node, image);
  try {
    await run(command, words, "ignore", FREEZING_MS, freezeEnvironment(DIST));
  } catch (error) {
    console.log(`  without a frozen Node: ${(error as Error).message}`);
  }
}
