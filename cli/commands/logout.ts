import { command } from "../command.ts";
import { flag } from "../options.ts";
import { neutralise } from "../text/escape.ts";

export default command({
  usage: "[OPTIONS] [SERVER]",
  description: "Forgets the credentials for a registry, Docker Hub if none is named.",
  options: { all: flag(["all", "a"], "Forget those for all registries") },
  operands: { least: 0, most: 1 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre logout registry.example", "no longer known there"]],
  async run(context, { all }, [server]) {
    const { host } = context;
    const { registries } = await context.engine();
    for (const one of all ? registries.logins() : [server]) {
      const { registry, was } = await registries.logout(one);
      const name = neutralise(registry);
      host.print(was ? `Removing login credentials for ${name}\n` : `Not logged in to ${name}\n`);
    }
    return 0;
  },
});
