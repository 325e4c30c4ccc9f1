import { command } from "../command.ts";
import { confirmed } from "../confirmation.ts";
import { flag } from "../options.ts";
import { filtersOf, longFilterOption } from "../parse/filter.ts";
import { humanSize } from "../text/size.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "Removes volumes without a name of yours that no container has; with -a also those that you named. Filters: label, label!, all.",
  options: {
    all: flag(["all", "a"], "Also volumes that have a name"),
    filter: longFilterOption("Only those for which it holds, such as label=ci"),
    force: flag(["force", "f"], "Do not ask"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre volume prune -af", "everything that no container has, without asking"]],
  async run({ host, engine }, { all, filter, force }) {
    const which = all ? "all volumes" : "volumes without a name of yours";
    if (!force && !confirmed(host, `This will remove ${which} that no container has.`)) return 0;
    const { volumes, reclaimedBytes } = await (await engine()).volumes.prune({
      all,
      filters: filtersOf(filter),
    });
    if (volumes.length > 0) host.print(`Deleted Volumes:\n${volumes.join("\n")}\n\n`);
    host.print(`Total reclaimed space: ${humanSize(reclaimedBytes)}\n`);
    return 0;
  },
});
