import { command } from "../command.ts";
import { ALL, CIDFILE, isSelected, LATEST, selected } from "../container-selection.ts";
import { forEachOperand } from "../each-operand.ts";
import { value } from "../options.ts";
import { signalOrNone } from "../parse/signal.ts";

const SIGKILL = 9;

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description: "The signal goes to the container's first process.",
  options: {
    all: ALL,
    cidfile: CIDFILE,
    latest: LATEST,
    signal: value(["signal", "s"], "signal", "By name or number (default KILL)", signalOrNone, [
      "HUP",
      "INT",
      "KILL",
      "QUIT",
      "TERM",
      "USR1",
      "USR2",
    ]),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: true,
  suggest: ["running"],
  failure: 1,
  examples: [["nacre kill -s HUP web", "ask a server to read its configuration again"]],
  async run(context, values, operands) {
    const { host, global } = context;
    const { signal } = values;
    const engine = await context.engine();
    const { containers } = engine;
    const chosen = selected(values, operands, engine, host, ["running", "paused"]);
    return forEachOperand(chosen, host, global.logLevel === "debug", async (name) => {
      await containers.kill(name, signal ?? SIGKILL);
      host.print(`${name}\n`);
    });
  },
});
