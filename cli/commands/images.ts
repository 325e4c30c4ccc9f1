import { shortId } from "@nacre/core/short-id.ts";
import type { ImageListing } from "@nacre/engine/engine.ts";
import { platformText } from "@nacre/engine/registry/platform.ts";
import { command } from "../command.ts";
import { referenceOf } from "../image-name.ts";
import { imageTree } from "../image-tree.ts";
import { choice, flag, text } from "../options.ts";
import { filterOption, timedFiltersOf } from "../parse/filter.ts";
import { neutralise } from "../text/escape.ts";
import { ascending, formatListing, NO_HEADING, type Row } from "../text/listing.ts";
import { humanSize } from "../text/size.ts";
import { createdAt, humanDuration } from "../text/time.ts";

const NONE = "<none>";
const HEADINGS = {
  Repository: "REPOSITORY",
  Tag: "TAG",
  Digest: "DIGEST",
  ID: "IMAGE ID",
  CreatedSince: "CREATED",
  CreatedAt: "CREATED AT",
  Platform: "PLATFORM",
  Size: "SIZE",
  Containers: "CONTAINERS",
  SharedSize: "SHARED SIZE",
  UniqueSize: "UNIQUE SIZE",
};
/** What docker's templates may ask for, and what it says: `system df -v` counts them. */
const NOT_COUNTED = { Containers: "N/A", SharedSize: "N/A", UniqueSize: "N/A" };

const FIELDS = new Map<string | undefined, keyof typeof HEADINGS>([
  ...([
    ["id", "ID"],
    ["repository", "Repository"],
    ["tag", "Tag"],
  ] as const),
]);
const SORTS = ["created", "id", "repository", "size", "tag"] as const;

export default command({
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  description:
    "Shows the images of this machine, one line a name, and one for each platform of it that is here. SIZE is that of the files in the layers; system df -v says what they take on the disk. Filters: before=IMAGE, since=IMAGE, dangling=BOOL, label=KEY[=VALUE], reference=PATTERN, until (a time, or an age such as 24h).",
  options: {
    all: flag(["all", "a"], "Also images without a name (they are shown anyway)"),
    digests: flag(["digests"], "Show digests"),
    filter: filterOption("Only those for which it holds, such as dangling=true"),
    format: text(["format"], "string", "'table', 'json', a Go template, or 'table TEMPLATE'", [
      "table",
      "json",
    ]),
    noHeading: NO_HEADING,
    noTrunc: flag(["no-trunc"], "Do not shorten IDs"),
    quiet: flag(["quiet", "q"], "Print IDs only"),
    sort: choice(["sort"], SORTS, "In this order (created: the newest first, the default)"),
    tree: flag(["tree"], "Show each name with the platforms that are here below it"),
  },
  operands: { least: 0, most: 1 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [
    ["nacre images --digests", "with what the registries call them"],
    ["nacre images 'team/*'", "those of some repositories"],
    ["nacre images --format '{{.Repository}}:{{.Tag}} {{.Size}}'", "a line of your own"],
  ],
  async run(context, values, [wanted]) {
    const { digests, filter, format, noHeading, noTrunc, quiet, sort, tree } = values;
    const { host } = context;
    const { filters, ...until } = timedFiltersOf(filter, host.nowMs());
    const engine = await context.engine();
    // As docker has it, a name is one more pattern.
    const patterns = [...(filters.reference ?? []), ...(wanted === undefined ? [] : [wanted])];
    const listings = engine.images
      .list({
        filters: { ...filters, ...(patterns.length > 0 && { reference: patterns }) },
        ...until,
      })
      .toSorted((a, b) => createdMs(b) - createdMs(a));
    if (tree) {
      host.print(imageTree(listings));
      return 0;
    }
    const ordered =
      sort === "size" ? ascending(listings, ({ image }) => image.sizeBytes) : listings;
    const unsorted = ordered.flatMap((listing) => rowsOf(listing, host.nowMs(), !noTrunc));
    const field = FIELDS.get(sort);
    const rows = field ? ascending(unsorted, (row) => row[field]!) : unsorted;
    if (quiet && format === undefined) {
      host.print([...new Set(rows.map((row) => row.ID))].map((id) => `${id}\n`).join(""));
      return 0;
    }
    const columns = [
      "Repository",
      "Tag",
      ...(digests ? ["Digest"] : []),
      "ID",
      "CreatedSince",
      "Size",
    ];
    host.print(formatListing({ rows, headings: HEADINGS, columns, noHeading }, format));
    return 0;
  },
});

/** When the image was built, or, where it does not say, when it came. */
function createdMs({ image }: ImageListing): number {
  const built = Date.parse(image.config.created ?? "");
  return Number.isNaN(built) ? image.pulledMs : built;
}

function rowsOf(listing: ImageListing, nowMs: number, truncate: boolean): Row[] {
  const { image, references } = listing;
  const created = createdMs(listing);
  const row = (repository: string, tag: string, digest: string): Row => ({
    Repository: neutralise(repository),
    Tag: neutralise(tag),
    Digest: digest,
    ID: truncate ? shortId(image.id) : image.id,
    CreatedSince: `${humanDuration(nowMs - created)} ago`,
    CreatedAt: createdAt(created),
    Platform: neutralise(platformText(image.config)),
    Size: humanSize(image.sizeBytes, 3),
    ...NOT_COUNTED,
  });
  if (references.length === 0) return [row(NONE, NONE, NONE)];
  return references.map(({ reference, digest }) => {
    const { familiarName, tag } = referenceOf(reference);
    return row(familiarName, tag ?? NONE, digest);
  });
}
