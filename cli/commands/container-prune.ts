import { command } from "../command.ts";
import { confirmed } from "../confirmation.ts";
import { flag } from "../options.ts";
import { longFilterOption, timedFiltersOf } from "../parse/filter.ts";
import { humanSize } from "../text/size.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "Removes containers that have ended or were never started, with all that was written in them. Filters: until (a time, or an age such as 24h), label, label!.",
  options: {
    filter: longFilterOption("Only those for which it holds, such as until=24h"),
    force: flag(["force", "f"], "Do not ask"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre container prune -f --filter until=24h", "those older than a day"]],
  async run({ host, engine }, { filter, force }) {
    const chosen = timedFiltersOf(filter, host.nowMs());
    if (!force && !confirmed(host, "This will remove all stopped containers.")) return 0;
    const { containers, reclaimedBytes } = await (await engine()).containers.prune(chosen);
    if (containers.length > 0) host.print(`Deleted Containers:\n${containers.join("\n")}\n\n`);
    host.print(`Total reclaimed space: ${humanSize(reclaimedBytes)}\n`);
    return 0;
  },
});
