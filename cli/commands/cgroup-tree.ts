import { command } from "../command.ts";
import { FlagError } from "../flag-error.ts";
import { flag, value } from "../options.ts";
import { parseInteger } from "../parse/number.ts";
import { treeJson, treeText } from "../text/cgroup-tree.ts";

function parseDepth(text: string): number {
  const depth = parseInteger(text);
  if (depth < 0) throw new FlagError("must not be negative");
  return depth;
}

export default command({
  usage: "[OPTIONS] [PATH|CONTAINER]",
  description:
    "A cgroup hierarchy is a tree of nodes with some controllers attached. Version 1 has many, each controller in one of them; version 2 has one with all that are left. Every process is in exactly one node of each. A limit holds for all nodes below: shown is the tightest on the way to the root, in parentheses where another node sets it. Nodes without processes, in them or below, are left out.\n\nPATH is a node's path within the hierarchies or a directory of a mounted one.",
  options: {
    all: flag(["all", "a"], "Show nodes without processes, too"),
    depth: value(["depth"], "n", "How many levels to show below the first", parseDepth),
    json: flag(["json"], "Print JSON: an array, one element a hierarchy"),
  },
  operands: { least: 0, most: 1 },
  interspersed: true,
  suggest: ["running"],
  failure: 1,
  examples: [
    ["nacre cgroup tree", "every hierarchy of this machine"],
    ["nacre cgroup tree --all /nacre", "the nodes of all containers"],
    ["nacre cgroup tree web", "what limits hold in the container web"],
    ["nacre cgroup tree /sys/fs/cgroup/memory", "one hierarchy"],
  ],
  async run(context, { all, depth, json }, [at]) {
    const { host } = context;
    const { cgroups } = await context.engine();
    const report = await cgroups.tree(at);
    const levels = depth ?? Number.POSITIVE_INFINITY;
    const colour = host.isTerminal(1) && !host.environment.NO_COLOR;
    host.print(json ? treeJson(report, levels) : treeText(report, { all, levels, colour }));
    return 0;
  },
});
