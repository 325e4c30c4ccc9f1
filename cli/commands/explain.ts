import { programToJson } from "@nacre/core/program/printer.ts";
import { command } from "../command.ts";
import { CONTAINER_OPTIONS, requestOf } from "../container-options.ts";
import { printedProgram } from "../explained.ts";
import { noticing } from "../notices.ts";
import { flag } from "../options.ts";

export default command({
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  description:
    "Takes the options of 'nacre run' and prints the program that it would hand to the kernel: every operation with its reason, its system calls, and what undoes it. Nothing is run or changed. The image must be here.",
  options: { ...CONTAINER_OPTIONS, json: flag(["json"], "Print the program as JSON") },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: false,
  suggest: ["images"],
  failure: 125,
  examples: [["nacre explain run --memory 64m debian true", "what a memory limit is made of"]],
  async run(context, values, operands) {
    const { host } = context;
    const request = requestOf(values, operands, host);
    const engine = await context.engine();
    const program = await noticing(engine, host, () => engine.containers.explain(request));
    host.print(
      values.json ? `${programToJson(program).trimEnd()}\n` : printedProgram(program, host),
    );
    return 0;
  },
});
