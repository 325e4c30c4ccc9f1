import { shortId } from "@nacre/core/short-id.ts";
import type { BuildCacheEntry, DiskUsage } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { commandText, containerRow } from "../container-row.ts";
import { referenceOf } from "../image-name.ts";
import { flag, text } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { formatListing, type Row } from "../text/listing.ts";
import { humanSize } from "../text/size.ts";
import { formatTable } from "../text/table.ts";
import { humanDuration } from "../text/time.ts";

const HEADINGS = {
  Type: "TYPE",
  TotalCount: "TOTAL",
  Active: "ACTIVE",
  Size: "SIZE",
  Reclaimable: "RECLAIMABLE",
};
const NONE = "<none>";

export default command({
  usage: "[OPTIONS]",
  description:
    "What images, containers and volumes take on the disk. An image is its compressed layers, which a push sends, their tars, which containers read, and its merged root; what several images need counts once. RECLAIMABLE is what no container needs.",
  options: {
    format: text(["format"], "string", "'table', 'json', a Go template, or 'table TEMPLATE'", [
      "table",
      "json",
    ]),
    verbose: flag(["verbose", "v"], "Show every image, container and volume"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre system df -v", "what shares what"]],
  async run(context, { format, verbose }) {
    const { builds, containers, system } = await context.engine();
    const usage = await system.diskUsage();
    const cache = await builds.cache();
    const columns = Object.keys(HEADINGS);
    const { host } = context;
    if (verbose && format === undefined) {
      const lines = containers.commandLines(usage.containers.map(({ container }) => container));
      host.print(details(usage, lines, cache, host.nowMs()));
    } else
      host.print(
        formatListing({ rows: summary(usage, cache), headings: HEADINGS, columns }, format),
      );
    return 0;
  },
});

function summary(
  { images, imageBytes, unusedBytes, containers, volumes }: DiskUsage,
  cache: readonly BuildCacheEntry[],
): Row[] {
  const isActive = (status: string): boolean =>
    ["running", "paused", "restarting"].includes(status);
  const resting = containers.filter(({ container }) => !isActive(container.status));
  const used = volumes.filter(({ users }) => users.length > 0);
  const written = sum(containers.map(({ writtenBytes }) => writtenBytes));
  const kept = sum(volumes.map(({ sizeBytes = 0 }) => sizeBytes));
  const unused = kept - sum(used.map(({ sizeBytes = 0 }) => sizeBytes));
  return [
    row(
      "Images",
      images.length,
      images.filter((one) => one.containers > 0).length,
      imageBytes,
      unusedBytes,
    ),
    row(
      "Containers",
      containers.length,
      containers.length - resting.length,
      written,
      sum(resting.map(({ writtenBytes }) => writtenBytes)),
    ),
    row("Local Volumes", volumes.length, used.length, kept, unused),
    row("Build Cache", cache.length, shared(cache), cacheBytes(cache), freeBytes(cache)),
  ];
}

const shared = (cache: readonly BuildCacheEntry[]): number =>
  cache.filter((entry) => entry.shared).length;
const cacheBytes = (cache: readonly BuildCacheEntry[]): number =>
  sum(cache.map(({ sizeBytes }) => sizeBytes));
/** What an image needs, too, would not go. */
const freeBytes = (cache: readonly BuildCacheEntry[]): number =>
  cacheBytes(cache.filter((entry) => !entry.shared));

const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0);

function row(type: string, total: number, active: number, bytes: number, free: number): Row {
  const share = bytes > 0 ? ` (${Math.trunc((free / bytes) * 100)}%)` : "";
  return {
    Type: type,
    TotalCount: String(total),
    Active: String(active),
    Size: humanSize(bytes),
    Reclaimable: `${humanSize(free)}${share}`,
  };
}

function details(
  { images, containers, volumes }: DiskUsage,
  lines: readonly (readonly string[])[],
  cache: readonly BuildCacheEntry[],
  nowMs: number,
): string {
  const imageRows = images.flatMap(({ image, references, sharedBytes, uniqueBytes, ...of }) => {
    const createdMs = Date.parse(image.config.created ?? "");
    const since = Number.isNaN(createdMs) ? "N/A" : `${humanDuration(nowMs - createdMs)} ago`;
    const sizes = [sharedBytes + uniqueBytes, sharedBytes, uniqueBytes].map((one) =>
      humanSize(one),
    );
    const names = references.length > 0 ? references.map(named) : [[NONE, NONE]];
    return names.map((name) => [...name, shortId(image.id), since, ...sizes, `${of.containers}`]);
  });
  const containerRows = containers.map(({ container, writtenBytes }, index) => {
    const { mounts } = container;
    const shown = containerRow(container, commandText(lines[index] ?? []), nowMs, true);
    const own = mounts.filter(({ type }) => type === "volume").length;
    return [
      ...[shown.ID!, shown.Image!, shown.Command!, String(own), humanSize(writtenBytes)],
      ...[shown.RunningFor!, shown.Status!, shown.Names!],
    ];
  });
  const volumeRows = volumes.map(({ volume, users, sizeBytes }) => {
    return [volume.name, `${users.length}`, sizeBytes === undefined ? "N/A" : humanSize(sizeBytes)];
  });
  return [
    section(
      "Images",
      [
        "REPOSITORY",
        "TAG",
        "IMAGE ID",
        "CREATED",
        "SIZE",
        "SHARED SIZE",
        "UNIQUE SIZE",
        "CONTAINERS",
      ],
      imageRows,
      " (compressed layers, their tars and merged roots; nacre images shows what is in the tars)",
    ),
    section(
      "Containers",
      ["CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"],
      containerRows,
    ),
    section("Local Volumes", ["VOLUME NAME", "LINKS", "SIZE"], volumeRows),
    `Build cache usage: ${humanSize(cacheBytes(cache))}\n`,
  ].join("\n");
}

function named(reference: string): string[] {
  const { familiarName, tag } = referenceOf(reference);
  return [neutralise(familiarName), neutralise(tag ?? NONE)];
}

/** `of`: what is counted, where others count something else. */
function section(
  what: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  of = "",
): string {
  return `${what} space usage${of}:\n\n${formatTable([head, ...rows])}`;
}
