import { command } from "../command.ts";
import { interruptible } from "../interruption.ts";
import { tlsVerify } from "../registry-options.ts";

export default command({
  usage: "[OPTIONS] NAME",
  description: "Fetches an artifact and its files. Prints its digest.",
  options: { tlsVerify },
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre artifact pull registry.example/team/model:1", "by its name"]],
  async run({ host, engine }, { tlsVerify }, [name]) {
    const { artifacts } = await engine();
    return interruptible(host, async (signal) => {
      host.print(`${await artifacts.pull(name!, { insecure: !tlsVerify, signal })}\n`);
      return 0;
    });
  },
});
