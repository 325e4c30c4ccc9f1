import { command } from "../command.ts";
import { FlagError } from "../flag-error.ts";
import { annotation, changeOf, PLATFORM } from "../manifest-options.ts";
import { flag } from "../options.ts";

export default command({
  usage: "[OPTIONS] INDEX [IMAGE|DIGEST]",
  description:
    "Changes what an index says of one of its images: the platform, annotations. With --index, or without an image, annotations of the index itself.",
  options: {
    annotation,
    index: flag(["index"], "Annotate the index itself"),
    ...PLATFORM,
  },
  operands: { least: 1, most: 2 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [["nacre manifest annotate --arch arm --variant v7 team/app:1 app:arm", "a variant"]],
  async run({ host, engine }, { annotation: said, index, ...values }, [name, image]) {
    const change = changeOf(values, said);
    const itself = index || image === undefined;
    if (itself && change.platform) throw new FlagError("an index itself has no platform");
    const { indexes } = await engine();
    const { digest } = await indexes.annotate(name!, itself ? undefined : image, change);
    host.print(`${digest}\n`);
    return 0;
  },
});
