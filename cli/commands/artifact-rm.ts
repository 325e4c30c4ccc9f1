import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { neutralise } from "../text/escape.ts";

export default command({
  usage: "NAME [NAME...]",
  description: "Removes artifacts, and what only they need.",
  options: {},
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre artifact rm registry.example/team/model:1", "by its name"]],
  async run({ host, engine, global }, _, names) {
    const { artifacts } = await engine();
    return forEachOperand(names, host, global.logLevel === "debug", async (name) => {
      await artifacts.remove(name);
      host.print(`${neutralise(name)}\n`);
    });
  },
});
