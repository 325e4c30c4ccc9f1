import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";

export default command({
  usage: "NAME [NAME...]",
  description:
    "Unmounts what a pin has bound. A namespace that nothing else holds is gone with it: nacre ns ls shows what does.",
  options: {},
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["pins"],
  failure: 1,
  examples: [["nacre ns unpin lab", "what nacre ns pin lab has kept"]],
  async run(context, _, operands) {
    const { host, global } = context;
    const { namespaces } = await context.engine();
    return forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      await namespaces.unpin(name);
      host.print(`${name}\n`);
    });
  },
});
