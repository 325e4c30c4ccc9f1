import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { familiarName } from "../image-name.ts";
import { flag, text } from "../options.ts";
import { neutralise } from "../text/escape.ts";

export default command({
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  description: "Removes a name, and with an image's last name the image and what only it needs.",
  options: {
    force: flag(
      ["force", "f"],
      "Also where a stopped container was made from it, or it has more names",
    ),
    noPrune: flag(["no-prune"], "Nothing else: images have no parents here that would go too"),
    platform: text(
      ["platform"],
      "os/arch",
      "Of a name for several platforms only this one's image",
    ),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [["nacre rmi debian:12", "the tag, and the image if it has no other"]],
  async run(context, { force, platform }, operands) {
    const { host, global } = context;
    const { images } = await context.engine();
    return forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      const { untagged, deleted } = await images.remove(name, {
        ...{ force, ...(platform !== undefined && { platform }) },
      });
      const lines = [
        ...untagged.map((reference) => `Untagged: ${neutralise(familiarName(reference))}`),
        ...deleted.map((id) => `Deleted: ${id}`),
      ];
      host.print(lines.map((line) => `${line}\n`).join(""));
    });
  },
});
