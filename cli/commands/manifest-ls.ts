import { shortId } from "@nacre/core/short-id.ts";
import { command } from "../command.ts";
import { familiarName } from "../image-name.ts";
import { flag } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { formatTable } from "../text/table.ts";

export default command({
  usage: "[OPTIONS]",
  description: "Lists the indexes that were made on this machine.",
  options: { quiet: flag(["quiet", "q"], "Print names only") },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre manifest ls", "with the platforms that each names"]],
  async run({ host, engine }, { quiet }) {
    const all = await (await engine()).indexes.list();
    const names = all.map(({ reference }) => neutralise(familiarName(reference)));
    if (quiet) {
      host.print(names.map((name) => `${name}\n`).join(""));
      return 0;
    }
    const rows = all.map(({ digest, entries }, at) => {
      const platforms = entries.map(({ platform, artifactType = "-" }) =>
        platform
          ? [platform.os, platform.architecture, platform.variant].filter(Boolean).join("/")
          : artifactType,
      );
      return [names[at]!, shortId(digest), neutralise(platforms.join(", "))];
    });
    host.print(formatTable([["NAME", "DIGEST", "PLATFORMS"], ...rows]));
    return 0;
  },
});
