// Commands that nobody types: what a supervisor starts when something of its container is due.

import type { Containers } from "@nacre/engine/engine.ts";
import { command } from "./command.ts";

export const supervisorCommand = (
  description: string,
  act: (containers: Containers, container: string) => Promise<void>,
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
      // A supervisor may come to this after somebody has deleted the whole root: nothing is left to
      // be done, and the root must not come back.
      if (!context.host.exists(context.global.root)) return 0;
      const { containers } = await context.engine();
      await act(containers, container as string);
      return 0;
    },
  });
