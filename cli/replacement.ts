// --replace: a container takes the place of the one that has its name.

import type { Engine } from "@nacre/engine/engine.ts";
import { unlessMissing } from "./container-selection.ts";
import { FlagError } from "./flag-error.ts";

interface Values {
  readonly name: string | undefined;
  readonly replace: boolean;
}

/** Before anything is done. @throws FlagError */
export function checkReplacement({ name, replace }: Values): void {
  if (replace && !name) throw new FlagError("cannot replace a container without --name");
}

/** Just before the new one is made. */
export async function removeReplaced({ name, replace }: Values, engine: Engine): Promise<void> {
  if (!replace || !name) return;
  await unlessMissing(true, async () => {
    const { id, name: found } = engine.containers.get(name);
    // The beginning of another one's ID is no name.
    if (found === name) await engine.containers.remove(id, { force: true });
  });
}
