// All escapes that are tried, and what is told of each.

import { BUNDLES } from "./bundles.ts";
import type { Escape } from "./escape.ts";
import { NAMES } from "./names.ts";
import { PROCESSES } from "./processes.ts";
import { SWAPS } from "./swaps.ts";
import { TREES } from "./trees.ts";
import { USERS } from "./users.ts";
import { World } from "./world.ts";

export const ESCAPES: readonly Escape[] = [
  ...PROCESSES,
  ...TREES,
  ...NAMES,
  ...SWAPS,
  ...USERS,
  ...BUNDLES,
];

export interface Verdict {
  /** With the protection. */
  readonly worked: boolean;
  /** Without it: if it does not work then either, something else holds it, and nothing is shown. */
  readonly worksWithout: boolean;
}

export async function judge({ attempt, without }: Escape): Promise<Verdict> {
  const tried = async (world: World): Promise<boolean> => {
    await using one = world;
    return await attempt(one); // before its world ends
  };
  return {
    worked: await tried(await World.make()),
    worksWithout: await tried(await World.make(without)),
  };
}
