import { command } from "../command.ts";
import { isSelected, LATEST, selected } from "../container-selection.ts";
import { forEachOperand } from "../each-operand.ts";
import { choice, text } from "../options.ts";

const CONDITIONS = [
  "not-running",
  "next-exit",
  "removed",
  "created",
  "running",
  "paused",
  "exited",
  "healthy",
  "unhealthy",
] as const;

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description: "Waits until the containers have ended, and prints their exit codes.",
  options: {
    latest: LATEST,
    interval: text(["interval", "i"], "time", "Taken, and of no use: an end is seen at once"),
    condition: choice(
      ["condition"],
      CONDITIONS,
      "What to wait for: an end (not-running, the default), another end than it may have come to before, its removal, a state, or what its health check finds",
    ),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [["nacre wait job", "the exit code of job, when it has one"]],
  async run(context, values, operands) {
    const { host, global } = context;
    const { condition } = values;
    const engine = await context.engine();
    const { containers } = engine;
    const chosen = selected(values, operands, engine, host);
    return forEachOperand(chosen, host, global.logLevel === "debug", async (name) => {
      host.print(`${await containers.wait(name, condition)}\n`);
    });
  },
});
