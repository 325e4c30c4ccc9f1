import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { STOP_SIGNAL, TIMEOUT, timeoutMsOf } from "../stop-timeout.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description:
    "The container's process gets SIGTERM, or the signal that its image names, and SIGKILL if it is still there after the timeout.",
  options: { signal: STOP_SIGNAL, timeout: TIMEOUT },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["running"],
  failure: 1,
  examples: [["nacre stop -t 2 web", "two seconds to finish, then SIGKILL"]],
  async run(context, { signal, timeout }, operands) {
    const { host, global } = context;
    const { containers } = await context.engine();
    return forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      await containers.stop(name, { ...timeoutMsOf(timeout), ...(signal && { signal }) });
      host.print(`${name}\n`);
    });
  },
});
