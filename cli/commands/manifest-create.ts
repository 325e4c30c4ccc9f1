import { command } from "../command.ts";
import { interruptible } from "../interruption.ts";
import { annotation, REACH, reachOf } from "../manifest-options.ts";
import { flag } from "../options.ts";
import { neutralise } from "../text/escape.ts";

export default command({
  usage: "[OPTIONS] INDEX [IMAGE...]",
  description:
    "Makes an index, one name for images of several platforms, of images of this machine and of registries. An image is looked for here first; docker://NAME is one of a registry, of which nothing but its description is fetched. run, pull and save of the index's name choose by platform.",
  options: {
    all: flag(["all"], "Of an image that is an index itself all that it names"),
    amend: flag(["amend", "a"], "Add to an index of this name that there is"),
    annotation,
    ...REACH,
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [
    ["nacre manifest create team/app:1 team/app:1-amd64 team/app:1-arm64", "of two images"],
    ["nacre manifest push registry.example/team/app:1", "with all that it names"],
  ],
  async run({ host, engine }, { all, amend, annotation: said, ...reach }, [name, ...images]) {
    const { indexes } = await engine();
    return interruptible(host, async (signal) => {
      const { reference } = await indexes.create(name!, images, {
        ...{ ...reachOf(reach), signal, all, amend },
        ...(said.length > 0 && { annotations: Object.fromEntries(said) }),
      });
      host.print(`Created manifest list ${neutralise(reference)}\n`);
      return 0;
    });
  },
});
