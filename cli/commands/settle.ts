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
    // A supervisor may come to this after somebody has deleted the whole root: nothing is left to
    // settle, and the root must not come back.
    if (!context.host.exists(context.global.root)) return 0;
    const { containers } = await context.engine();
    await containers.settle(container!);
    return 0;
  },
});
