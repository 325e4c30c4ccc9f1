import { whereFound } from "@nacre/core/error.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ContainerSize, Containers, Engine } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import {
  CONTAINER_HEADINGS,
  commandText,
  containerRow,
  NAMESPACE_HEADINGS,
  namespaceRow,
} from "../container-row.ts";
import { FlagError } from "../flag-error.ts";
import { interruptible } from "../interruption.ts";
import { alsoNamed, choice, flag, text, type Values, value } from "../options.ts";
import { filterOption, filtersOf } from "../parse/filter.ts";
import { parseInteger } from "../parse/number.ts";
import { ascending, formatListing, NO_HEADING, type Row } from "../text/listing.ts";
import { HOME_AND_CLEAR } from "../text/repaint.ts";
import { humanSize } from "../text/size.ts";

const SORTS = [
  ...["command", "created", "id", "image", "names", "runningfor", "size", "status"],
] as const;

const OPTIONS = {
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
  ns: alsoNamed("namespace", flag(["ns"], "Show processes and namespaces, by their numbers")),
  quiet: flag(["quiet", "q"], "Print IDs only"),
  size: flag(["size", "s"], "Also how much each has written, and with its image"),
  sort: choice(["sort"], SORTS, "In this order, instead of the newest first"),
  watch: value(["watch", "w"], "seconds", "Again and again, so many seconds apart", parseSeconds),
};

export default command({
  usage: "[OPTIONS]",
  description:
    "Shows the running containers; with -a also those that have ended. Filters: id, name, label, ancestor (an image), status, health, exited (a code), before, since (a container), volume, network, expose (a port), publish, is-task, isolation.",
  options: OPTIONS,
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre ps -a", "every container"],
    ["nacre rm -f $(nacre ps -aq)", "remove them all"],
    ["nacre ps -f status=exited -f label=ci", "what has ended and has that label"],
    ["nacre ps --format '{{.Names}}: {{.Status}}'", "a line of your own"],
    ["nacre ps --ns --watch 2", "their namespaces, as they change"],
  ],
  async run(context, values) {
    const { host } = context;
    checkColumns(values);
    const engine = await context.engine();
    const { watch = 0 } = values;
    if (watch === 0) {
      host.print(listed(engine, values, host.nowMs()));
      return 0;
    }
    const above = host.isTerminal(1) ? HOME_AND_CLEAR : "";
    return interruptible(host, async (signal) => {
      while (!signal.aborted) {
        host.print(above + listed(engine, values, host.nowMs()));
        await host.sleep(watch * 1000, signal);
      }
      return 0;
    });
  },
});

/** In podman's words. @throws FlagError */
function checkColumns({ ns, quiet, size }: Values<typeof OPTIONS>): void {
  if (ns && quiet) throw new FlagError("quiet and namespace options conflict");
  if (ns && size) throw new FlagError("size and namespace options conflict");
}

function listed(engine: Engine, values: Values<typeof OPTIONS>, nowMs: number): string {
  const { all, filter, format, last, latest, noTrunc, quiet, size, sort, noHeading } = values;
  const { containers } = engine;
  const newest = latest ? 1 : last;
  const found = containers.list({
    all,
    filters: filtersOf(filter),
    ...(newest !== undefined && newest > 0 && { last: newest }),
  });
  const records = sort === undefined ? found : inOrder(found, sort, engine);
  const sizes = size || asksForSize(format);
  const namespaces = values.ns || asksForNamespaces(format);
  const lines = containers.commandLines(records);
  const rows = records.map(
    (record, index): Row => ({
      ...containerRow(record, commandText(lines[index]!), nowMs, !noTrunc),
      ...(sizes && { Size: sizeText(sizeOf(containers, record.id)) }),
      ...(namespaces && namespaceRow(record, namespacesOf(containers, record.id))),
    }),
  );
  if (quiet && format === undefined) return rows.map(({ ID }) => `${ID}\n`).join("");
  const columns = values.ns
    ? ["ID", "Names", ...Object.keys(NAMESPACE_HEADINGS)]
    : [
        ...["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"],
        ...(size ? ["Size"] : []),
      ];
  const headings = { ...CONTAINER_HEADINGS, ...(namespaces && NAMESPACE_HEADINGS) };
  const labels = records.map(({ request }) => request.labels);
  return formatListing({ rows, headings, columns, labels, noHeading }, format);
}

const A_DAY_S = 86_400;

/** @throws FlagError */
function parseSeconds(word: string): number {
  const seconds = parseInteger(word);
  if (seconds >= 0 && seconds <= A_DAY_S) return seconds;
  throw new FlagError(`a number of seconds from 0 to ${A_DAY_S} is needed`);
}

/** A template that has the size in it is as good as --size. */
const asksForSize = (format = ""): boolean => /\{\{[^}]*(\.Size\b|json \.\s*\})/.test(format);

/** So is one that has namespaces in it as good as --ns. */
const asksForNamespaces = (format = ""): boolean =>
  /\{\{[^}]*\.(Pid|CGROUPNS|IPC|MNT|NET|PIDNS|USERNS|UTS)\b/.test(format);

const namespacesOf = (containers: Containers, id: string): ReturnType<Containers["namespaces"]> =>
  whereFound(() => containers.namespaces(id)) ?? {};

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
