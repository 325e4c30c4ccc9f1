import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { familiarName } from "../image-name.ts";
import { flag } from "../options.ts";
import { neutralise } from "../text/escape.ts";

export default command({
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  description: "Removes a name, and with an image's last name the image and what only it needs.",
  options: {
    force: flag(
      ["force", "f"],
      "Also where a stopped container was made from it, or it has more names",
    ),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [["nacre rmi debian:12", "the tag, and the image if it has no other"]],
  async run(context, { force }, operands) {
    const { host, global } = context;
    const { images } = await context.engine();
    return forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      const { untagged, deleted } = await images.remove(name, { force });
      const lines = [
        ...untagged.map((reference) => `Untagged: ${neutralise(familiarName(reference))}`),
        ...deleted.map((id) => `Deleted: ${id}`),
      ];
      host.print(lines.map((line) => `${line}\n`).join(""));
    });
  },
});
