import { command } from "../command.ts";

export default command({
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  description:
    "Gives an image, or an artifact, one more name. A name that another image has goes over to this one; that image stays, by its other names or without any.",
  options: {},
  operands: { least: 2, most: 2 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [["nacre tag web:patched web:2", "a second name"]],
  async run(context, _, [source, target]) {
    const { images } = await context.engine();
    images.tag(source!, target!);
    return 0;
  },
});
