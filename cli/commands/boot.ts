import { command } from "../command.ts";
import { describeFailure } from "../failure.ts";

export default command({
  usage: "",
  description:
    "Starts the containers whose restart policy asks for it after the machine has booted: always, and unless-stopped if nobody stopped them. The unit that system boot-unit writes calls it.",
  options: {},
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre system boot", "what always runs, now"]],
  async run(context) {
    const { host, global } = context;
    const { containers } = await context.engine();
    let code = 0;
    for (const { id, name, error } of await containers.boot()) {
      if (error === undefined) host.print(`${name}\n`);
      else {
        host.printError(`${id.slice(0, 12)} ${name}: `);
        host.printError(describeFailure(error, global.logLevel === "debug"));
        code = 1;
      }
    }
    return code;
  },
});
