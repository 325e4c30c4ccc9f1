import { NacreError } from "@nacre/core/error.ts";
import type { ImageListing } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { isSelected, unlessMissing } from "../container-selection.ts";
import { forEachOperand } from "../each-operand.ts";
import { FlagError } from "../flag-error.ts";
import { familiarName } from "../image-name.ts";
import { flag, text } from "../options.ts";
import { neutralise } from "../text/escape.ts";

export default command({
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  description: "Removes a name, and with an image's last name the image and what only it needs.",
  options: {
    all: flag(["all", "a"], "All images that there are"),
    ignore: flag(["ignore", "i"], "Say nothing of those that are not there"),
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
  instead: isSelected,
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [["nacre rmi debian:12", "the tag, and the image if it has no other"]],
  async run(context, { all, force, ignore, platform }, operands) {
    const { host, global } = context;
    if (all && operands.length > 0) {
      throw new FlagError("--all and names of images cannot be used together: choose one way");
    }
    const { images } = await context.engine();
    const names = all ? namesOf(images.list()) : operands;
    const removed = async (name: string): Promise<void> => {
      await unlessMissing(ignore || all, async () => {
        const { untagged, deleted } = await images.remove(name, {
          ...{ force, ...(platform !== undefined && { platform }) },
        });
        const lines = [
          ...untagged.map((reference) => `Untagged: ${neutralise(familiarName(reference))}`),
          ...deleted.map((id) => `Deleted: ${id}`),
        ];
        host.print(lines.map((line) => `${line}\n`).join(""));
      });
    };
    return forEachOperand(names, host, global.logLevel === "debug", async (name) => {
      try {
        await removed(name);
      } catch (error) {
        // As docker has it: what is not there is as good as removed, and said.
        if (!(force && error instanceof NacreError && error.kind === "not-found")) throw error;
        host.printError(`nacre: ${error.message}\n`);
      }
    });
  },
});

/** What each has to be removed by: all of its names, or its ID. */
function namesOf(listings: readonly ImageListing[]): string[] {
  const names = listings.flatMap(({ image, references }) =>
    references.length > 0 ? references.map(({ reference }) => reference) : [image.id],
  );
  return [...new Set(names)];
}
