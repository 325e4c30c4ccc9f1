import { command } from "../command.ts";
import { ALL, CIDFILE, FILTER, isSelected, LATEST, selected } from "../container-selection.ts";
import { forEachOperand } from "../each-operand.ts";
import { noticing } from "../notices.ts";
import { flag } from "../options.ts";
import { STOP_SIGNAL, TIMEOUT, timeoutMsOf } from "../stop-timeout.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description:
    "Stops the container if it runs, as stop does, and starts it in the background. What was written in it stays.",
  options: {
    signal: STOP_SIGNAL,
    timeout: TIMEOUT,
    all: ALL,
    cidfile: CIDFILE,
    filter: FILTER,
    latest: LATEST,
    running: flag(["running"], "All that run"),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: (values) => values.running || isSelected(values),
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [["nacre restart -t 2 web", "two seconds to finish, then SIGKILL, then anew"]],
  async run(context, values, operands) {
    const { host, global } = context;
    const { signal, timeout } = values;
    const engine = await context.engine();
    const { containers } = engine;
    const { running } = values;
    const choice = { ...values, all: values.all || running };
    const chosen = selected(choice, operands, engine, host, running ? ["running"] : undefined);
    return forEachOperand(chosen, host, global.logLevel === "debug", async (name) => {
      const options = { ...timeoutMsOf(timeout), ...(signal && { signal }) };
      await noticing(engine, host, () => containers.restart(name, options));
      host.print(`${name}\n`);
    });
  },
});
