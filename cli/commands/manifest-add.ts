import { command } from "../command.ts";
import { interruptible } from "../interruption.ts";
import { annotation, changeOf, PLATFORM, REACH, reachOf } from "../manifest-options.ts";
import { flag } from "../options.ts";

export default command({
  usage: "[OPTIONS] INDEX IMAGE [IMAGE...]",
  description:
    "Adds images to an index, those of this machine before those of registries. Of an image that is an index itself the one for this machine is added, or for the platform that is given, or all. Prints the index's digest.",
  options: {
    all: flag(["all"], "Of an image that is an index itself all that it names"),
    annotation,
    ...PLATFORM,
    ...REACH,
  },
  operands: { least: 2, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [
    ["nacre manifest add team/app:1 docker://ghcr.io/team/app:1-arm64", "one of a registry"],
    ["nacre manifest add --os windows --os-version 10.0.20348.1 team/app:1 app:win", "as it says"],
  ],
  async run({ host, engine }, { all, annotation: said, ...values }, [name, ...images]) {
    const { indexes } = await engine();
    const change = changeOf(values, said);
    return interruptible(host, async (signal) => {
      let digest = "";
      for (const image of images) {
        const options = { ...reachOf(values), signal, all, ...change };
        ({ digest } = await indexes.add(name!, image, options));
      }
      host.print(`${digest}\n`);
      return 0;
    });
  },
});
