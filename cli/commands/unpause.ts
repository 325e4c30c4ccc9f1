import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";

export default command({
  usage: "CONTAINER [CONTAINER...]",
  description: "Processes that pause held go on where they were.",
  options: {},
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["running"],
  failure: 1,
  examples: [["nacre unpause web", "it goes on"]],
  async run(context, _, operands) {
    const { host, global } = context;
    const { containers } = await context.engine();
    return forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      await containers.unpause(name);
      host.print(`${name}\n`);
    });
  },
});
