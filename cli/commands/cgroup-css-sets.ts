import { command } from "../command.ts";
import { FlagError } from "../flag-error.ts";
import { flag } from "../options.ts";
import { cssSetsDot, cssSetsJson, cssSetsText } from "../text/css-sets.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "A process does not point to its cgroups one by one: it points to a css_set, which has one cgroup of each hierarchy and is shared by all processes with the same combination. M css_sets and N cgroups are joined by links, and no css_set has two cgroups of one hierarchy. A fork inherits the css_set; to write a process into a cgroup finds or makes another; the last process's end frees it.\n\nShown are this machine's processes, grouped by what /proc/PID/cgroup says. In version 1 the threads of a process may be in different cgroups: this shows where its first thread is.",
  options: {
    json: flag(["json"], "Print JSON: an array, one element a css_set"),
    dot: flag(["dot"], "Print a graph in Graphviz's language: css_sets, cgroups and their links"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre cgroup css-sets", "who shares which cgroups"],
    ["nacre cgroup css-sets --dot | dot -Tsvg > css-sets.svg", "the same as a picture"],
  ],
  async run(context, { json, dot }) {
    if (json && dot) throw new FlagError("--json and --dot exclude each other");
    const { cgroups } = await context.engine();
    const sets = await cgroups.cssSets();
    const format = json ? cssSetsJson : dot ? cssSetsDot : cssSetsText;
    context.host.print(format(sets));
    return 0;
  },
});
