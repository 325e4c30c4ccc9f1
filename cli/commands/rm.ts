import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { flag } from "../options.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description: "A container goes with all that was written in it. A running one needs -f.",
  options: {
    force: flag(["force", "f"], "Kill it first if it runs"),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [["nacre rm -f web", "whatever it does"]],
  async run(context, { force }, operands) {
    const { host, global } = context;
    const { containers } = await context.engine();
    return forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      await containers.remove(name, { force });
      host.print(`${name}\n`);
    });
  },
});
