import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { neutralise } from "../text/escape.ts";

export default command({
  usage: "INDEX [INDEX...]",
  description: "Removes indexes, and what only they need. Images stay under their own names.",
  options: {},
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [["nacre manifest rm team/app:1", "the index, none of its images"]],
  async run(context, _, operands) {
    const { host, global } = context;
    const { indexes } = await context.engine();
    return forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      await indexes.remove(name);
      host.print(`${neutralise(name)}\n`);
    });
  },
});
