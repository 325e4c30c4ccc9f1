import { command } from "../command.ts";
import { ALL, CIDFILE, FILTER, isSelected, LATEST, selected } from "../container-selection.ts";
import { forEachOperand } from "../each-operand.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description: "Processes that pause held go on where they were.",
  options: { all: ALL, cidfile: CIDFILE, filter: FILTER, latest: LATEST },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: true,
  suggest: ["running"],
  failure: 1,
  examples: [["nacre unpause web", "it goes on"]],
  async run(context, values, operands) {
    const { host, global } = context;
    const engine = await context.engine();
    const { containers } = engine;
    const chosen = selected(values, operands, engine, host, ["paused"]);
    return forEachOperand(chosen, host, global.logLevel === "debug", async (name) => {
      await containers.unpause(name);
      host.print(`${name}\n`);
    });
  },
});
