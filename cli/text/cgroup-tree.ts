// Cgroup hierarchies as trees for people, and as JSON.

import type { HierarchyReport, LimitReport, NodeReport } from "@nacre/core/cgroup-survey.ts";
import type { CgroupTreeReport } from "@nacre/engine/engine.ts";
import { neutralise } from "./escape.ts";
import { binarySize } from "./size.ts";
import { formatTable } from "./table.ts";

export interface TreeOptions {
  /** Nodes without processes, too. */
  readonly all: boolean;
  /** How many levels below the first. */
  readonly levels: number;
  /** Dims what another node sets. */
  readonly colour: boolean;
}

/** A table for each hierarchy, with an empty line between two. */
export function treeText({ hierarchies, containers }: CgroupTreeReport, options: TreeOptions) {
  return hierarchies
    .map((hierarchy) => {
      const rows = nodeRows(hierarchy.root, containers, options);
      const table = formatTable([HEADINGS, ...rows]).replace(/ +$/gm, "");
      return `${titleOf(hierarchy)}\n${table}`;
    })
    .join("\n");
}

const HEADINGS = ["NODE", "PROCESSES", "CONTAINER", "LIMITS"];

/** `memory: version 1, at /sys/fs/cgroup/memory`. */
function titleOf({ version, controllers, mountpoint }: HierarchyReport): string {
  const names = controllers.length > 0 ? controllers.join(",") : "no controllers";
  return `${names}: version ${version}, at ${neutralise(mountpoint)}`;
}

/** The container whose node this is, or lies below. */
function containerOf(path: string, containers: ReadonlyMap<string, string>) {
  const id = /\/([0-9a-f]{64})(\/|$)/.exec(path)?.[1];
  const name = id === undefined ? undefined : containers.get(id);
  return id !== undefined && name !== undefined ? { id, name } : undefined;
}

function nodeRows(
  top: NodeReport,
  containers: ReadonlyMap<string, string>,
  options: TreeOptions,
): string[][] {
  const rows: string[][] = [];
  const add = (node: NodeReport, label: string, indent: string, level: number): void => {
    const container = containerOf(node.path, containers)?.name ?? "";
    const limits = limitsText(node, top, options.colour);
    rows.push([label, String(node.processes), container, limits]);
    if (level >= options.levels) return;
    const shown = node.children.filter((child) => options.all || child.population > 0);
    const hidden = node.children.length - shown.length;
    for (const [index, child] of shown.entries()) {
      const last = index === shown.length - 1 && hidden === 0;
      const name = neutralise(shortId(child.path.slice(child.path.lastIndexOf("/") + 1)));
      const branch = `${indent}${last ? "└─ " : "├─ "}${name}`;
      add(child, branch, `${indent}${last ? "   " : "│  "}`, level + 1);
    }
    if (hidden > 0) rows.push([`${indent}└─ … ${hidden} without processes`, "", "", ""]);
  };
  add(top, neutralise(shortPath(top.path)), "", 0);
  return rows;
}

/** A container's ID is a node's name. */
const shortId = (name: string): string => (/^[0-9a-f]{64}$/.test(name) ? name.slice(0, 12) : name);

function limitsText(node: NodeReport, top: NodeReport, colour: boolean): string {
  const words = [...ownWords(node), ...cpusetWords(node, top)];
  const inherited = LIMIT_WORDS.flatMap(([limit, say]) => {
    const found = node.limits[limit];
    const elsewhere = found?.from !== undefined && found.from !== node.path;
    return found && elsewhere
      ? [`${say(found, node)} from ${neutralise(shortPath(found.from))}`]
      : [];
  });
  if (inherited.length === 0) return words.join(", ");
  const outer = `(${inherited.join(", ")})`;
  return [...words, colour ? `\x1b[2m${outer}\x1b[22m` : outer].join(" ");
}

/** A path with IDs as people know them. */
export const shortPath = (path: string = ""): string => path.split("/").map(shortId).join("/");

type Say = (limit: LimitReport, node: NodeReport) => string;

const amount = ({ effective }: LimitReport): string =>
  effective === "max" ? "max" : binarySize(effective);

/** Limits that hold below the node that sets them, and how each is said. */
const LIMIT_WORDS: readonly (readonly [limit: keyof NodeReport["limits"], say: Say])[] = [
  ["memoryMax", (limit) => `memory ${amount(limit)}`],
  ["memoryHigh", (limit) => `memory high ${amount(limit)}`],
  // Version 1 limits the sum of both, version 2 the swap alone; only version 2 has memory.high.
  [
    "memorySwap",
    (limit, { limits }) =>
      `${limits.memoryHigh === undefined ? "memory and swap" : "swap"} ${amount(limit)}`,
  ],
  ["cpuQuota", (limit, node) => `${processors(limit, node)} CPUs`],
  ["pidsMax", ({ effective }) => `pids ${effective}`],
  ["frozen", () => "frozen"],
];

/** A quota is a time in each period: how many processors that is. */
function processors({ effective }: LimitReport, { limits }: NodeReport): string {
  const period = Number(limits.cpuPeriod?.own ?? 100_000);
  return String(Number((Number(effective) / period).toFixed(2)));
}

/** What the node itself sets. */
function ownWords(node: NodeReport): string[] {
  const { cpuWeight, ioWeight, memoryLow } = node.limits;
  const set = LIMIT_WORDS.flatMap(([limit, say]) => {
    const found = node.limits[limit];
    return found?.from === node.path ? [say(found, node)] : [];
  });
  const usual = cpuWeight && [100, 1024].includes(Number(cpuWeight.own));
  if (cpuWeight && !usual) {
    const share = Math.round((node.cpuShare ?? 0) * 100);
    set.push(`weight ${cpuWeight.own} (${share} % of the CPUs)`);
  }
  if (ioWeight && ioWeight.own !== 100) set.push(`io weight ${ioWeight.own}`);
  if (memoryLow && memoryLow.own !== "max" && memoryLow.own !== 0) {
    set.push(`reserved ${binarySize(memoryLow.own)}`);
  }
  return set;
}

/** Lists, where they are not those of the first node that is shown. */
function cpusetWords(node: NodeReport, top: NodeReport): string[] {
  const first = node === top;
  const cpus = node.cpus !== undefined && (first || node.cpus !== top.cpus);
  const mems = node.mems !== undefined && (first || node.mems !== top.mems);
  return [
    ...(cpus ? [`processors ${node.cpus || "none"}`] : []),
    ...(mems ? [`memory nodes ${node.mems || "none"}`] : []),
  ];
}

/** An array, one element a hierarchy. */
export function treeJson({ hierarchies, containers }: CgroupTreeReport, levels: number): string {
  const nodeJson = (node: NodeReport, level: number): unknown => {
    const { children, ...rest } = node;
    const container = containerOf(node.path, containers);
    const below = level < levels ? children.map((child) => nodeJson(child, level + 1)) : [];
    return { ...rest, ...(container && { container }), children: below };
  };
  const shown = hierarchies.map((each) => ({ ...each, root: nodeJson(each.root, 0) }));
  return `${JSON.stringify(shown, null, 4)}\n`;
}
