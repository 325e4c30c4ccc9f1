import { command } from "../command.ts";

export default command({
  usage: "CONTAINER",
  description:
    "Called by a container's supervisor when its process has ended: records the end, removes the container if that was asked for. It does no harm to call it again.",
  options: {},
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [],
  async run(context, _, [container]) {
    const { containers } = await context.engine();
    await containers.settle(container!);
    return 0;
  },
});
