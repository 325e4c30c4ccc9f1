import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { FlagError } from "../flag-error.ts";
import { flag } from "../options.ts";

export default command({
  usage: "[OPTIONS] SECRET [SECRET...]",
  description:
    "By name, or by the beginning of an ID. Containers that were made with it keep their copies until they are removed.",
  options: { all: flag(["all", "a"], "All that there are") },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["secrets"],
  failure: 1,
  examples: [["nacre secret rm db-password", "nobody new gets it"]],
  instead: ({ all }) => all,
  async run(context, { all }, operands) {
    const { host, global } = context;
    const { secrets } = await context.engine();
    if (all && operands.length > 0) {
      throw new FlagError("--all and names of secrets cannot be used together: choose one way");
    }
    const chosen = all ? secrets.list().map(({ name }) => name) : operands;
    return forEachOperand(chosen, host, global.logLevel === "debug", async (name) => {
      host.print(`${secrets.remove(name).id}\n`);
    });
  },
});
