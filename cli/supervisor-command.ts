// Commands that nobody types: what a supervisor starts when something of its container is due.

import type { Containers } from "@nacre/engine/engine.ts";
import { command } from "./command.ts";

/** `act` gets the container's ID. Succeeds where the state root is gone. */
export const supervisorCommand = (
  description: string,
  act: (containers: Containers, container: string) => Promise<unknown>,
) =>
  command({
    usage: "CONTAINER",
    description,
    options: {},
    operands: { least: 1, most: 1 },
    interspersed: true,
    suggest: [],
    failure: 1,
    examples: [],
    async run(context, _, [container]) {
      // Somebody may have deleted the whole root, or do it meanwhile: nothing is left to be done
      // then, and the root must not come back.
      const { host, global } = context;
      try {
        if (!host.exists(global.root)) return 0;
        const { containers } = await context.engine({ existingRoot: true });
        await act(containers, container as string);
      } catch (error) {
        if (host.exists(global.root)) throw error;
      }
      return 0;
    },
  });
