import { whereFound } from "@nacre/core/error.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ContainerSize, Containers, Engine } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { CONTAINER_HEADINGS, containerRow } from "../container-row.ts";
import { choice, flag, text, value } from "../options.ts";
import { filterOption, filtersOf } from "../parse/filter.ts";
import { parseInteger } from "../parse/number.ts";
import { ascending, formatListing, NO_HEADING } from "../text/listing.ts";
import { humanSize } from "../text/size.ts";

const SORTS = [
  ...["command", "created", "id", "image", "names", "runningfor", "size", "status"],
] as const;

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
    noHeading: NO_HEADING,
    quiet: flag(["quiet", "q"], "Print IDs only"),
    size: flag(["size", "s"], "Also how much each has written, and with its image"),
    sort: choice(["sort"], SORTS, "In this order, instead of the newest first"),
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
  async run(context, values) {
    const { all, filter, format, last, latest, noTrunc, quiet, size, sort, noHeading } = values;
    const { host } = context;
    const engine = await context.engine();
    const newest = latest ? 1 : last;
    const listed = engine.containers.list({
      all,
      filters: filtersOf(filter),
      ...(newest !== undefined && newest >= 0 && { last: newest }),
    });
    const records = sort === undefined ? listed : inOrder(listed, sort, engine);
    const sizes = size || asksForSize(format);
    const lines = engine.containers.commandLines(records);
    const rows = records.map((record, index) => {
      const row = containerRow(record, commandText(lines[index]!), host.nowMs(), !noTrunc);
      return sizes ? { ...row, Size: sizeText(sizeOf(engine.containers, record.id)) } : row;
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
    const listing = { rows, headings: CONTAINER_HEADINGS, columns, labels, noHeading };
    host.print(formatListing(listing, format));
    return 0;
  },
});

/** A template that has the size in it is as good as --size. */
const asksForSize = (format = ""): boolean => /\{\{[^}]*(\.Size\b|json \.\s*\})/.test(format);

/** Undefined of a container that has gone since. */
const sizeOf = (containers: Containers, id: string): ContainerSize | undefined =>
  whereFound(() => containers.size(id));

/** `2kB (virtual 448MB)` */
function sizeText(size: ContainerSize | undefined): string {
  if (!size) return "";
  return `${humanSize(size.writtenBytes, 3)} (virtual ${humanSize(size.rootBytes, 3)})`;
}

/** By what podman's --sort has, the smallest and the earliest first. */
function inOrder(
  records: readonly ContainerRecord[],
  by: (typeof SORTS)[number],
  { containers }: Engine,
): ContainerRecord[] {
  const lines = new Map<ContainerRecord, string>();
  if (by === "command") {
    for (const [index, words] of containers.commandLines(records).entries()) {
      lines.set(records[index]!, words.join(" "));
    }
  }
  const keys: Record<typeof by, (record: ContainerRecord) => string | number> = {
    command: (record) => lines.get(record) ?? "",
    created: ({ createdMs }) => createdMs,
    id: ({ id }) => id,
    image: ({ request }) => request.image,
    names: ({ name }) => name,
    runningfor: ({ startedMs = 0 }) => startedMs,
    size: ({ id }) => sizeOf(containers, id)?.rootBytes ?? 0,
    status: ({ status }) => status,
  };
  return ascending(records, keys[by]);
}

/** Words with a space stand in quotes, as docker has it. */
const commandText = (words: readonly string[]): string =>
  words.map((word) => (word.includes(" ") ? `'${word}'` : word)).join(" ");
