import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";

export default command({
  usage: "CONTAINER [CONTAINER...]",
  description:
    "All processes of the container are held where they are, by the cgroup freezer. They do not notice, keep their memory, and use no processor.",
  options: {},
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["running"],
  failure: 1,
  examples: [["nacre pause web", "it stands still"]],
  async run(context, _, operands) {
    const { host, global } = context;
    const { containers } = await context.engine();
    return forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      await containers.pause(name);
      host.print(`${name}\n`);
    });
  },
});
