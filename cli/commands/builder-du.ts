import type { BuildCacheEntry } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { flag, text } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { formatListing } from "../text/listing.ts";
import { humanSize } from "../text/size.ts";
import { humanDuration } from "../text/time.ts";

const HEADINGS = {
  ...{ ID: "ID", Type: "TYPE", Reclaimable: "RECLAIMABLE", Size: "SIZE" },
  ...{ LastUsed: "LAST ACCESSED", Uses: "USES", Description: "DESCRIPTION" },
};
const SHORT = ["ID", "Reclaimable", "Size", "LastUsed"];
const VERBOSE = ["ID", "Type", "Reclaimable", "Size", "LastUsed", "Uses", "Description"];

export default command({
  usage: "[OPTIONS]",
  description:
    "What builds keep: the layers of steps, which later builds take again, and the directories of cache mounts. What an image needs too is not reclaimable.",
  options: {
    format: text(["format"], "string", "'table', 'json', a Go template, or 'table TEMPLATE'", [
      "table",
      "json",
    ]),
    verbose: flag(["verbose"], "Show also what each is and how often it was used"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre builder du --verbose", "which steps are kept"]],
  async run(context, { format, verbose }) {
    const { host } = context;
    const entries = await (await context.engine()).builds.cache();
    const rows = entries.map((entry) => rowOf(entry, host.nowMs()));
    const columns = verbose ? VERBOSE : SHORT;
    host.print(formatListing({ rows, headings: HEADINGS, columns }, format));
    if (format === undefined) host.print(totals(entries));
    return 0;
  },
});

function rowOf(entry: BuildCacheEntry, nowMs: number) {
  const { key, type, shared, sizeBytes, usedMs, uses, description } = entry;
  return {
    ID: key.replace(/^sha256:/, "").slice(0, 25),
    Type: type,
    Reclaimable: String(!shared),
    Size: humanSize(sizeBytes),
    LastUsed: `${humanDuration(nowMs - usedMs)} ago`,
    Uses: String(uses),
    Description: neutralise(description),
  };
}

function totals(entries: readonly BuildCacheEntry[]): string {
  const sum = (all: readonly BuildCacheEntry[]): number =>
    all.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  const free = entries.filter(({ shared }) => !shared);
  return `Reclaimable:\t${humanSize(sum(free))}\nTotal:\t\t${humanSize(sum(entries))}\n`;
}
