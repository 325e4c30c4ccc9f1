import { command } from "../command.ts";

export default command({
  usage: "CONTAINER",
  description:
    "Called when a container's health is to be checked: does so, records what was found, and sees to the next check. It does nothing to a container that is not due.",
  options: {},
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [],
  async run(context, _, [container]) {
    // As with settle: the root may have been deleted meanwhile, and must not come back.
    if (!context.host.exists(context.global.root)) return 0;
    const { containers } = await context.engine();
    await containers.checkHealth(container!);
    return 0;
  },
});
