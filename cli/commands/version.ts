import { arch, release } from "node:os";
import { command } from "../command.ts";
import { text } from "../options.ts";
import { parseWholeTemplate } from "../text/template.ts";
import { VERSION } from "../version.ts";

export default command({
  usage: "[OPTIONS]",
  description: "",
  options: { format: text(["format", "f"], "string", "'json' or a Go template", ["json"]) },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre version -f '{{.Version}}'", "the number alone"]],
  async run({ host }, { format }) {
    const known = {
      Version: VERSION,
      NodeVersion: process.versions.node,
      KernelVersion: release(),
      Os: process.platform,
      Arch: arch() === "x64" ? "amd64" : arch(),
    };
    // Docker's templates name one of them; with no daemon they are the same.
    const facts = { ...known, Client: known, Server: known };
    if (format === undefined || format === "") {
      host.print(
        `Nacre ${facts.Version}\n Node:     ${facts.NodeVersion}\n Kernel:   ${facts.KernelVersion}\n OS/Arch:  ${facts.Os}/${facts.Arch}\n`,
      );
    } else if (format === "json") host.print(`${JSON.stringify(facts)}\n`);
    else host.print(`${parseWholeTemplate(format).render(facts)}\n`);
    return 0;
  },
});
