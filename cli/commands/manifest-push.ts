import { command } from "../command.ts";
import { interruptible } from "../interruption.ts";
import { REACH, reachOf } from "../manifest-options.ts";
import { alsoNamed, flag } from "../options.ts";
import { parseBoolean } from "../parse/number.ts";
import { PushDisplay } from "../push-display.ts";
import { shownWhile } from "../shown-while.ts";

export default command({
  usage: "[OPTIONS] INDEX [DESTINATION]",
  description:
    "Sends an index to the registry that its name says, or to another place, and what it names: what is there is not sent again, blobs of the same registry are mounted, those of others go through this machine. Prints its digest.",
  options: {
    all: {
      ...flag(["all"], "Also what it names; =false sends the index alone"),
      initial: true,
      add: (_: boolean, word: string) => parseBoolean(word),
    },
    purge: alsoNamed("rm", flag(["purge", "p"], "Remove it from here when it is there")),
    quiet: flag(["quiet", "q"], "Print the digest only"),
    ...REACH,
  },
  operands: { least: 1, most: 2 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [
    ["nacre manifest push registry.example/team/app:1", "with all images"],
    ["nacre manifest push --purge app:1 docker://ghcr.io/team/app:1", "elsewhere, and keep none"],
  ],
  async run({ host, engine }, { all, purge, quiet, ...reach }, [name, destination]) {
    const opened = await engine();
    const target = destination?.replace(/^docker:\/\//, "");
    const display = quiet ? undefined : new PushDisplay(host);
    return interruptible(host, async (signal) => {
      const options = {
        ...{ ...reachOf(reach), signal, all, purge },
        ...(target !== undefined && { target }),
      };
      const { digest } = await shownWhile(opened, display, () =>
        opened.indexes.push(name!, options),
      );
      host.print(`${digest}\n`);
      return 0;
    });
  },
});
