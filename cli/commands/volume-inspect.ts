import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { text } from "../options.ts";
import { inspectionIn } from "../text/inspection.ts";
import { volumeJson } from "../volume-json.ts";

export default command({
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  description: "Docker's JSON: driver, options, labels, where it is.",
  options: { format: text(["format", "f"], "string", "'json' or a Go template") },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["volumes"],
  failure: 1,
  examples: [["nacre volume inspect -f '{{.Mountpoint}}' data", "where its files are"]],
  async run(context, { format }, operands) {
    const print = inspectionIn(format);
    const { host, global } = context;
    const { volumes } = await context.engine();
    const found: unknown[] = [];
    const code = await forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      found.push(volumeJson(await volumes.get(name)));
    });
    print(host, found);
    return code;
  },
});
