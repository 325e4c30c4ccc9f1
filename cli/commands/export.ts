import { NacreError } from "@nacre/core/error.ts";
import { command } from "../command.ts";
import type { Host } from "../host.ts";
import { interruptible } from "../interruption.ts";
import { text } from "../options.ts";

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
    if (output === undefined && host.isTerminal(1)) {
      throw new NacreError("invalid", "a tar is not written to a terminal", {
        advice: "Use -o FILE, or redirect standard output.",
      });
    }
    const { archives, containers } = await context.engine();
    containers.get(container!);
    return interruptible(host, async (signal) => {
      await write(host, output, archives.export(container!), signal);
      return 0;
    });
  },
});

async function write(
  host: Host,
  output: string | undefined,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const file = output === undefined ? undefined : await host.outputFile(output);
  try {
    for await (const chunk of archive) {
      if (signal.aborted) break;
      if (file) file.write(chunk);
      else host.printBytes(chunk);
    }
  } catch (error) {
    file?.discard();
    throw error;
  }
  if (signal.aborted) file?.discard();
  else file?.commit();
}
