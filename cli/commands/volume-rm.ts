import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { flag } from "../options.ts";

export default command({
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  description:
    "A volume goes with all that is in it. One that a container has, running or not, stays.",
  options: { force: flag(["force", "f"], "One that is not there is fine") },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["volumes"],
  failure: 1,
  examples: [["nacre volume rm data", "and what is in it"]],
  async run(context, { force }, operands) {
    const { host, global } = context;
    const { volumes } = await context.engine();
    return forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      await volumes.remove(name, { force });
      host.print(`${name}\n`);
    });
  },
});
