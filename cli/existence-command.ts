import type { Engine } from "@nacre/engine/engine.ts";
import { type Command, command } from "./command.ts";
import { unlessMissing } from "./container-selection.ts";
import type { KindOfThing } from "./options.ts";

export interface Sought {
  readonly usage: string;
  /** `an image of this name`. */
  readonly what: string;
  readonly suggest: KindOfThing;
  readonly example: Command["examples"][number];
  /** NacreError `not-found` where there is none. */
  readonly find: (engine: Engine, name: string) => unknown;
}

/** Tells scripts by its exit code alone whether something is here, as podman's `exists` commands do. */
export function existenceCommand({ usage, what, suggest, example, find }: Sought): Command {
  return command({
    usage,
    description: `Whether there is ${what} here: 0 if so, 1 if not. Prints nothing.`,
    options: {},
    operands: { least: 1, most: 1 },
    interspersed: true,
    suggest: [suggest],
    failure: 125,
    examples: [example],
    async run({ engine }, _, [name]) {
      return (await unlessMissing(true, async () => find(await engine(), name!))) ? 0 : 1;
    },
  });
}
