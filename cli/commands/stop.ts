import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { alsoNamed, value } from "../options.ts";
import { parseInteger } from "../parse/number.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description:
    "The container's process gets SIGTERM, or the signal that its image names, and SIGKILL if it is still there after the timeout.",
  options: {
    timeout: alsoNamed(
      "time",
      value(
        ["timeout", "t"],
        "seconds",
        "How long to wait before SIGKILL (default 10)",
        parseInteger,
      ),
    ),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["running"],
  failure: 1,
  examples: [["nacre stop -t 2 web", "two seconds to finish, then SIGKILL"]],
  async run(context, { timeout: seconds }, operands) {
    const { host, global } = context;
    const { containers } = await context.engine();
    // Docker waits forever with a negative time; so long that nobody sees the end is the same.
    const options =
      seconds === undefined ? {} : { timeoutMs: seconds < 0 ? 2 ** 31 - 1 : seconds * 1000 };
    return forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      await containers.stop(name, options);
      host.print(`${name}\n`);
    });
  },
});
