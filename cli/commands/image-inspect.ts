import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { imageJson } from "../image-json.ts";
import { text } from "../options.ts";
import { inspectionIn } from "../text/inspection.ts";

export default command({
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  description: "Docker's JSON: names, digests, configuration, layers.",
  options: {
    format: text(["format", "f"], "string", "'json' or a Go template"),
    platform: text(
      ["platform"],
      "os/arch",
      "The image for this platform, where a name has several",
    ),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [["nacre image inspect -f '{{json .Config.Env}}' debian", "its environment"]],
  async run(context, { format, platform }, operands) {
    const print = inspectionIn(format);
    const { host, global } = context;
    const engine = await context.engine();
    const { snapshotter } = engine.system;
    const found: unknown[] = [];
    const code = await forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      found.push(imageJson(engine.images.get(name, platform), snapshotter));
    });
    print(host, found);
    return code;
  },
});
