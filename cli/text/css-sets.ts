// css_sets for people, as JSON, and as a graph.

import type { CgroupMembership } from "@nacre/core/css-set.ts";
import type { CssSetReport, ProcessReport } from "@nacre/engine/engine.ts";
import { shortPath } from "./cgroup-tree.ts";
import { neutralise } from "./escape.ts";

/** A hierarchy as /proc/PID/cgroup names it. */
const hierarchyName = ({ hierarchy, controllers }: CgroupMembership): string =>
  hierarchy === 0 ? "version 2" : controllers.join(",");

const keyOf = ({ hierarchy, path }: CgroupMembership): string => `${hierarchy}:${path}`;

/** One link is one pair of a css_set and a cgroup. */
function counts(sets: readonly CssSetReport[]) {
  const links = sets.flatMap(({ cgroups }) => cgroups.map(keyOf));
  return {
    processes: sets.reduce((sum, { processes }) => sum + processes.length, 0),
    links: links.length,
    cgroups: new Set(links).size,
  };
}

const plural = (count: number, one: string, more = `${one}s`): string =>
  `${count} ${count === 1 ? one : more}`;

/** A paragraph for each css_set, numbered as they come, and how many of everything there are. */
export function cssSetsText(sets: readonly CssSetReport[]): string {
  const { processes, links, cgroups } = counts(sets);
  const total = `${plural(processes, "process", "processes")} in ${plural(sets.length, "css_set")}, which have ${plural(links, "link")} to ${plural(cgroups, "cgroup")}.`;
  const blocks = sets.map((set, index) => {
    const whose = set.container ? `, container ${set.container.name}` : "";
    const count = plural(set.processes.length, "process", "processes");
    const where = groupedByPath(set.cgroups).map(
      ([path, names]) => `  ${neutralise(shortPath(path))} in ${names.join(", ")}`,
    );
    return [`css_set ${index + 1}: ${count}${whose}`, ...where, `  ${members(set.processes)}`];
  });
  return `${blocks.map((lines) => `${lines.join("\n")}\n\n`).join("")}${total}\n`;
}

/** Hierarchies in which the set has the same path, the special paths first. */
function groupedByPath(cgroups: readonly CgroupMembership[]): [string, string[]][] {
  const groups = Map.groupBy(cgroups, ({ path }) => path);
  return [...groups]
    .map(([path, all]): [string, string[]] => [path, all.map(hierarchyName).sort()])
    .sort(([a], [b]) => Number(a === "/") - Number(b === "/") || (a < b ? -1 : 1));
}

const MOST_MEMBERS = 12;

function members(processes: readonly ProcessReport[]): string {
  const shown = processes
    .slice(0, MOST_MEMBERS)
    .map(({ pid, command }) => (command === "" ? String(pid) : `${pid} ${neutralise(command)}`));
  const more = processes.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? `, … ${more} more` : ""}`;
}

/** An array, one element a css_set. */
export function cssSetsJson(sets: readonly CssSetReport[]): string {
  const shown = sets.map(({ cgroups, processes, container }, index) => ({
    id: index + 1,
    processes,
    cgroups,
    container: container ?? null,
  }));
  return `${JSON.stringify(shown, null, 4)}\n`;
}

/** A string of Graphviz's language: only `"` and `\` mean something in it. */
const quoted = (text: string): string =>
  `"${neutralise(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

/** An undirected graph: css_sets on the left, cgroups on the right, a line for each link. */
export function cssSetsDot(sets: readonly CssSetReport[]): string {
  const nodes = new Map<string, CgroupMembership>();
  for (const { cgroups } of sets) for (const each of cgroups) nodes.set(keyOf(each), each);
  const hierarchies = Map.groupBy(nodes.values(), ({ hierarchy }) => hierarchy);
  const lines = [
    "graph css_sets {",
    "  rankdir=LR;",
    "  ranksep=2;",
    '  node [fontname="sans-serif", fontsize=10];',
  ];
  for (const [index, { processes, container }] of sets.entries()) {
    const head = container ? `css_set ${index + 1}: ${container.name}` : `css_set ${index + 1}`;
    const count = plural(processes.length, "process", "processes");
    lines.push(`  set${index + 1} [shape=box, label=${quoted(`${head}, ${count}`)}];`);
  }
  for (const [hierarchy, all] of [...hierarchies].sort(([a], [b]) => a - b)) {
    lines.push(`  subgraph cluster_${hierarchy} {`, `    label=${quoted(hierarchyName(all[0]!))};`);
    for (const each of all) {
      lines.push(`    ${quoted(keyOf(each))} [shape=ellipse, label=${quoted(each.path)}];`);
    }
    lines.push("  }");
  }
  for (const [index, { cgroups }] of sets.entries()) {
    for (const each of cgroups) lines.push(`  set${index + 1} -- ${quoted(keyOf(each))};`);
  }
  return `${[...lines, "}"].join("\n")}\n`;
}
