import { NacreError } from "@nacre/core/error.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { CONTAINER_HEADINGS, containerRow } from "../container-row.ts";
import { flag, text, value } from "../options.ts";
import { filterOption, filtersOf } from "../parse/filter.ts";
import { parseInteger } from "../parse/number.ts";
import { formatListing } from "../text/listing.ts";
import { humanSize } from "../text/size.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "Shows the running containers; with -a also those that have ended. Filters: id, name, label, ancestor (an image), status, health, exited (a code), before, since (a container), volume, network, is-task, isolation.",
  options: {
    all: flag(["all", "a"], "Show all containers, not only the running ones"),
    filter: filterOption("Only those for which it holds, such as status=exited"),
    format: text(["format"], "string", "'table', 'json', a Go template, or 'table TEMPLATE'", [
      "table",
      "json",
    ]),
    last: value(
      ["last", "n"],
      "int",
      "The last n that were made, whatever their state",
      parseInteger,
    ),
    latest: flag(["latest", "l"], "The one that was made last, whatever its state"),
    noTrunc: flag(["no-trunc"], "Do not shorten IDs and commands"),
    quiet: flag(["quiet", "q"], "Print IDs only"),
    size: flag(["size", "s"], "Also how much each has written, and with its image"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre ps -a", "every container"],
    ["nacre rm -f $(nacre ps -aq)", "remove them all"],
    ["nacre ps -f status=exited -f label=ci", "what has ended and has that label"],
    ["nacre ps --format '{{.Names}}: {{.Status}}'", "a line of your own"],
  ],
  async run(context, { all, filter, format, last, latest, noTrunc, quiet, size }) {
    const { host } = context;
    const engine = await context.engine();
    const newest = latest ? 1 : last;
    const records = engine.containers.list({
      all,
      filters: filtersOf(filter),
      ...(newest !== undefined && newest >= 0 && { last: newest }),
    });
    const sizes = size || asksForSize(format);
    const lines = engine.containers.commandLines(records);
    const rows = records.map((record, index) => {
      const row = containerRow(record, commandText(lines[index]!), host.nowMs(), !noTrunc);
      return sizes ? { ...row, Size: sizeText(engine, record.id) } : row;
    });
    if (quiet && format === undefined) {
      host.print(rows.map((row) => `${row.ID}\n`).join(""));
      return 0;
    }
    const columns = [
      ...["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"],
      ...(size ? ["Size"] : []),
    ];
    const labels = records.map(({ request }) => request.labels);
    host.print(formatListing({ rows, headings: CONTAINER_HEADINGS, columns, labels }, format));
    return 0;
  },
});

/** A template that has the size in it is as good as --size. */
const asksForSize = (format = ""): boolean => /\{\{[^}]*(\.Size\b|json \.\s*\})/.test(format);

/** `2kB (virtual 448MB)`; nothing of a container that has gone since. */
function sizeText(engine: Engine, id: string): string {
  try {
    const { writtenBytes, rootBytes } = engine.containers.size(id);
    return `${humanSize(writtenBytes, 3)} (virtual ${humanSize(rootBytes, 3)})`;
  } catch (error) {
    if (error instanceof NacreError && error.kind === "not-found") return "";
    throw error;
  }
}

/** Words with a space stand in quotes, as docker has it. */
const commandText = (words: readonly string[]): string =>
  words.map((word) => (word.includes(" ") ? `'${word}'` : word)).join(" ");
