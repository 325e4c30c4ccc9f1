import { NacreError } from "@nacre/core/error.ts";
import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { noticing } from "../notices.ts";
import { PROCESS_OPTIONS } from "../process-options.ts";
import { LIVE_RESOURCES, liveResources } from "../resource-options.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description:
    "Limits change at once where the container runs, and hold when it is started again. A restart policy holds for its next end. What is not named stays as it is.",
  options: { ...LIVE_RESOURCES, restart: PROCESS_OPTIONS.restart },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [
    ["nacre update --memory 256m --cpus 1.5 web", "more of both, while it runs"],
    ["nacre update --restart unless-stopped web", "to be started again when it ends"],
  ],
  async run(context, values, operands) {
    const { host, global } = context;
    const { restart } = values;
    const change = { ...liveResources(values), ...(restart && { restart }) };
    if (Object.keys(change).length === 0) {
      throw new NacreError(
        "invalid",
        "you must provide one or more flags when using this command",
        {
          advice: "nacre update --help lists them.",
        },
      );
    }
    const engine = await context.engine();
    return forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      await noticing(engine, host, () => engine.containers.update(name, change));
      host.print(`${name}\n`);
    });
  },
});
