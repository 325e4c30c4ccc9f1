import { command } from "../command.ts";
import { ALL, CIDFILE, FILTER, isSelected, LATEST, selected } from "../container-selection.ts";
import { forEachOperand } from "../each-operand.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description:
    "All processes of the container are held where they are, by the cgroup freezer. They do not notice, keep their memory, and use no processor.",
  options: { all: ALL, cidfile: CIDFILE, filter: FILTER, latest: LATEST },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: true,
  suggest: ["running"],
  failure: 1,
  examples: [["nacre pause web", "it stands still"]],
  async run(context, values, operands) {
    const { host, global } = context;
    const engine = await context.engine();
    const { containers } = engine;
    const chosen = selected(values, operands, engine, host, ["running"]);
    return forEachOperand(chosen, host, global.logLevel === "debug", async (name) => {
      await containers.pause(name);
      host.print(`${name}\n`);
    });
  },
});
