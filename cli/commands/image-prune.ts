import { command } from "../command.ts";
import { confirmed } from "../confirmation.ts";
import { flag } from "../options.ts";
import { longFilterOption, timedFiltersOf } from "../parse/filter.ts";
import { imageLines } from "../text/pruned-images.ts";
import { humanSize } from "../text/size.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "Removes images without a name, with -a all that no container needs, and what killed processes left of others. Filters: dangling=BOOL, until (a time, or an age such as 24h), label, label!.",
  options: {
    all: flag(["all", "a"], "Also images that have a name and no container"),
    filter: longFilterOption("Only those for which it holds, such as until=24h"),
    force: flag(["force", "f"], "Do not ask"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre image prune -af --filter until=240h", "those that are older than ten days"]],
  async run({ host, engine }, { all, filter, force }) {
    const chosen = timedFiltersOf(filter, host.nowMs());
    const what = all ? "all images without a container" : "all images without a name";
    if (!force && !confirmed(host, `This will remove ${what}.`)) return 0;
    const { untagged, deleted, reclaimedBytes } = await (await engine()).images.prune({
      all,
      ...chosen,
    });
    const lines = imageLines(untagged, deleted);
    if (lines.length > 0) host.print(`Deleted Images:\n${lines.join("\n")}\n\n`);
    host.print(`Total reclaimed space: ${humanSize(reclaimedBytes)}\n`);
    return 0;
  },
});
