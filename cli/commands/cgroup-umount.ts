import { resolve } from "node:path";
import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";

export default command({
  usage: "TARGET [TARGET...]",
  description:
    "A hierarchy of version 1 that is mounted nowhere and has no nodes but its root is gone, and its controllers are free. One that has nodes stays, with its processes in them, and can be mounted again.",
  options: {},
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["files"],
  failure: 1,
  examples: [["nacre cgroup umount /cgroup/teams", "the directory stays"]],
  async run(context, _, operands) {
    const { host, global } = context;
    const { cgroups } = await context.engine();
    return forEachOperand(operands, host, global.logLevel === "debug", (target) =>
      cgroups.unmount(resolve(host.workingDirectory, target)),
    );
  },
});
