import { command } from "../command.ts";

export default command({
  usage: "CONTAINER NEW_NAME",
  description: "The old name is free at once. The container may be running.",
  options: {},
  operands: { least: 2, most: 2 },
  interspersed: true,
  suggest: ["containers", []],
  failure: 1,
  examples: [["nacre rename bold_otter web", "a name to remember"]],
  async run(context, _, [container, name]) {
    const { containers } = await context.engine();
    containers.rename(container!, name!);
    return 0;
  },
});
