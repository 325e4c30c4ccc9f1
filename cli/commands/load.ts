import { NacreError } from "@nacre/core/error.ts";
import { command } from "../command.ts";
import { familiarName } from "../image-name.ts";
import { interruptible } from "../interruption.ts";
import { flag, text } from "../options.ts";
import { neutralise } from "../text/escape.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "Takes images from a tar that nacre, docker, podman or skopeo saved: from standard input, or a file; plain, or compressed with gzip, zstd, xz or bzip2. It is read once; layers that are here already are passed over.",
  options: {
    input: text(["input", "i"], "string", "Read a file, instead of standard input", "files"),
    platform: text(["platform"], "os/arch", "Load only images for this platform"),
    quiet: flag(["quiet", "q"], "Nothing else: no progress is shown as it is"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre load -i debian.tar", "from a file"],
    ["docker save app:1 | nacre load", "from docker"],
  ],
  async run(context, { input, platform }) {
    const { host } = context;
    if (input === undefined && host.isTerminal(0)) {
      throw new NacreError("invalid", "a tar is not read from a terminal", {
        advice: "Use -i FILE, or redirect standard input.",
      });
    }
    const { images } = await context.engine();
    return interruptible(host, async (signal) => {
      const loaded = await images.load(host.passingBytes(input ?? "-"), {
        ...{ signal, ...(platform !== undefined && { platform }) },
      });
      const said = new Set<string>();
      for (const { id, references } of loaded) {
        const names = references.map((reference) => neutralise(familiarName(reference)));
        // Once, however many platforms it has.
        const lines = (names.length > 0 ? names : [id]).filter((line) => !said.has(line));
        for (const line of lines) said.add(line);
        const what = names.length > 0 ? "Loaded image: " : "Loaded image ID: ";
        host.print(lines.map((line) => `${what}${line}\n`).join(""));
      }
      return 0;
    });
  },
});
