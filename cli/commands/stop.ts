import { command } from "../command.ts";
import {
  ALL,
  CIDFILE,
  FILTER,
  IGNORE,
  isSelected,
  LATEST,
  selected,
  unlessMissing,
} from "../container-selection.ts";
import { forEachOperand } from "../each-operand.ts";
import { STOP_SIGNAL, TIMEOUT, timeoutMsOf } from "../stop-timeout.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description:
    "The container's process gets SIGTERM, or the signal that its image names, and SIGKILL if it is still there after the timeout.",
  options: {
    signal: STOP_SIGNAL,
    timeout: TIMEOUT,
    all: ALL,
    cidfile: CIDFILE,
    filter: FILTER,
    ignore: IGNORE,
    latest: LATEST,
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: true,
  suggest: ["running"],
  failure: 1,
  examples: [
    ["nacre stop -t 2 web", "two seconds to finish, then SIGKILL"],
    ["nacre stop -a", "all that run"],
  ],
  async run(context, values, operands) {
    const { host, global } = context;
    const { signal, timeout, ignore } = values;
    const engine = await context.engine();
    const { containers } = engine;
    const chosen = selected(values, operands, engine, host, ["running", "paused", "restarting"]);
    return forEachOperand(chosen, host, global.logLevel === "debug", async (name) => {
      const how = { ...timeoutMsOf(timeout), ...(signal && { signal }) };
      const was = await unlessMissing(ignore, () => containers.stop(name, how));
      if (was) host.print(`${name}\n`);
    });
  },
});
