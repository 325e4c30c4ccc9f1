import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { FlagError } from "../flag-error.ts";
import { flag } from "../options.ts";

export default command({
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  description:
    "A volume goes with all that is in it. One that a container has, running or not, stays.",
  options: {
    all: flag(["all", "a"], "All that there are"),
    force: flag(["force", "f"], "One that is not there is fine"),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["volumes"],
  failure: 1,
  examples: [["nacre volume rm data", "and what is in it"]],
  instead: ({ all }) => all,
  async run(context, { all, force }, operands) {
    const { host, global } = context;
    const { volumes } = await context.engine();
    if (all && operands.length > 0) {
      throw new FlagError("--all and names of volumes cannot be used together: choose one way");
    }
    const chosen = all ? (await volumes.list()).map(({ volume }) => volume.name) : operands;
    return forEachOperand(chosen, host, global.logLevel === "debug", async (name) => {
      await volumes.remove(name, { force });
      host.print(`${name}\n`);
    });
  },
});
