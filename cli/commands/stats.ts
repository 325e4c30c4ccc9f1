import { shortId } from "@nacre/core/short-id.ts";
import type { ContainerUsage } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { LATEST, withLatest } from "../container-selection.ts";
import { interruptible } from "../interruption.ts";
import { flag, text } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { formatListing, type Row } from "../text/listing.ts";
import { HOME_AND_CLEAR } from "../text/repaint.ts";
import { binarySize, humanSize } from "../text/size.ts";

const HEADINGS = {
  Container: "CONTAINER",
  ID: "CONTAINER ID",
  Name: "NAME",
  CPUPerc: "CPU %",
  MemUsage: "MEM USAGE / LIMIT",
  MemPerc: "MEM %",
  NetIO: "NET I/O",
  BlockIO: "BLOCK I/O",
  PIDs: "PIDS",
};
const COLUMNS = ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"];
const INTERVAL_MS = 1000;
/** Enough to tell a busy container from an idle one. */
const ONCE_MS = 250;

export default command({
  usage: "[OPTIONS] [CONTAINER...]",
  description:
    "What running containers use, once a second until an interrupt: processor time as a part of one processor, memory without the page cache that nobody used lately, and its limit, or the machine's memory where there is none.",
  options: {
    all: flag(["all", "a"], "Also containers that do not run"),
    format: text(["format"], "string", "'table', 'json', a Go template, or 'table TEMPLATE'", [
      "table",
      "json",
    ]),
    latest: LATEST,
    noStream: flag(["no-stream"], "Look once"),
    noTrunc: flag(["no-trunc"], "Do not shorten IDs"),
  },
  operands: { least: 0, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["running"],
  failure: 1,
  examples: [["nacre stats --no-stream --format '{{.Name}} {{.MemUsage}}'", "once, and short"]],
  async run(context, { all, format, latest, noStream, noTrunc }, operands) {
    const { host } = context;
    const engine = await context.engine();
    const { containers } = engine;
    const names = withLatest(latest, operands, engine);
    const intervalMs = noStream ? ONCE_MS : INTERVAL_MS;
    const repaint = !noStream && format !== "json" && host.isTerminal(1);
    return interruptible(host, async (signal) => {
      const wanted = names.length > 0 ? names : undefined;
      const looks = containers.stats({ intervalMs, signal, all, ...(wanted && { wanted }) });
      for await (const usages of looks) {
        const rows = usages.map((usage) => rowOf(usage, !noTrunc, asked(usage, names)));
        const listing = formatListing({ rows, headings: HEADINGS, columns: COLUMNS }, format);
        host.print(repaint ? HOME_AND_CLEAR + listing : listing);
        // When those that were named have all ended, nothing more will be seen.
        if (noStream || (wanted && !usages.some(({ container }) => isUp(container)))) break;
      }
      return 0;
    });
  },
});

const isUp = ({ status }: ContainerUsage["container"]): boolean =>
  status === "running" || status === "paused";

/** What the caller calls it. */
const asked = ({ container: { id, name } }: ContainerUsage, names: readonly string[]) =>
  names.find((word) => word === name || (word !== "" && id.startsWith(word)));

function rowOf(usage: ContainerUsage, truncate: boolean, word: string | undefined): Row {
  const { container, cpuPercent, memoryBytes, memoryLimitBytes } = usage;
  const { receivedBytes, sentBytes, readBytes, writtenBytes, pids } = usage;
  const id = truncate ? shortId(container.id) : container.id;
  return {
    Container: word ?? id,
    ID: id,
    Name: neutralise(container.name),
    CPUPerc: `${cpuPercent.toFixed(2)}%`,
    MemUsage: `${binarySize(memoryBytes)} / ${binarySize(isUp(container) ? memoryLimitBytes : 0)}`,
    MemPerc: `${((memoryBytes / memoryLimitBytes) * 100).toFixed(2)}%`,
    NetIO: `${humanSize(receivedBytes, 3)} / ${humanSize(sentBytes, 3)}`,
    BlockIO: `${humanSize(readBytes, 3)} / ${humanSize(writtenBytes, 3)}`,
    PIDs: String(pids),
  };
}
