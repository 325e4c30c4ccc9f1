import { command } from "../command.ts";
import { interruptible } from "../interruption.ts";
import { text } from "../options.ts";
import { refuseTerminal, writeArchive } from "../write-archive.ts";

export default command({
  usage: "[OPTIONS] CONTAINER",
  description:
    "Writes the container's root as a tar to standard output, or into a file that gets its name when it is whole. Works in any state; what is mounted in the container is no part of its root.",
  options: {
    output: text(["output", "o"], "string", "Write to a file, instead of standard output", "files"),
  },
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [
    ["nacre export -o web.tar web", "into a file"],
    ["nacre export web | tar -t", "what is in it"],
  ],
  async run(context, { output }, [container]) {
    const { host } = context;
    refuseTerminal(host, output);
    const { archives, containers } = await context.engine();
    containers.get(container!);
    return interruptible(host, async (signal) => {
      await writeArchive(host, output, archives.export(container!), signal);
      return 0;
    });
  },
});
