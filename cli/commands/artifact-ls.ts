import { shortId } from "@nacre/core/short-id.ts";
import { command } from "../command.ts";
import { familiarName } from "../image-name.ts";
import { flag } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { humanSize } from "../text/size.ts";
import { formatTable } from "../text/table.ts";

export default command({
  usage: "[OPTIONS]",
  description: "Lists the artifacts of this machine.",
  options: { quiet: flag(["quiet", "q"], "Print names only") },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre artifact ls", "with their types and sizes"]],
  async run({ host, engine }, { quiet }) {
    const all = await (await engine()).artifacts.list();
    const names = all.map(({ reference }) => neutralise(familiarName(reference)));
    if (quiet) host.print(names.map((name) => `${name}\n`).join(""));
    else {
      const rows = all.map(({ digest, artifactType, files }, at) => {
        const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        return [names[at]!, neutralise(artifactType), shortId(digest), humanSize(bytes, 3)];
      });
      host.print(formatTable([["NAME", "TYPE", "DIGEST", "SIZE"], ...rows]));
    }
    return 0;
  },
});
