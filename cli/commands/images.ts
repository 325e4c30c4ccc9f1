import type { ImageListing } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { referenceOf, shortId } from "../image-name.ts";
import { flag, text } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { formatListing, type Row } from "../text/listing.ts";
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
  Size: "SIZE",
};

export default command({
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  description:
    "Shows the images of this machine, one line a name. SIZE is that of the unpacked layers.",
  options: {
    all: flag(["all", "a"], "Also images without a name (they are shown anyway)"),
    digests: flag(["digests"], "Show digests"),
    format: text(["format"], "string", "'table', 'json', a Go template, or 'table TEMPLATE'", [
      "table",
      "json",
    ]),
    noTrunc: flag(["no-trunc"], "Do not shorten IDs"),
    quiet: flag(["quiet", "q"], "Print IDs only"),
  },
  operands: { least: 0, most: 1 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [
    ["nacre images --digests", "with what the registries call them"],
    ["nacre images --format '{{.Repository}}:{{.Tag}} {{.Size}}'", "a line of your own"],
  ],
  async run(context, { digests, format, noTrunc, quiet }, [wanted]) {
    const { host } = context;
    const engine = await context.engine();
    const rows = engine.images
      .list()
      .toSorted((a, b) => createdMs(b) - createdMs(a))
      .flatMap((listing) => rowsOf(listing, host.nowMs(), !noTrunc))
      .filter((row) => wanted === undefined || names(row, wanted));
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
    host.print(formatListing({ rows, headings: HEADINGS, columns }, format));
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
    Size: humanSize(image.sizeBytes, 3),
  });
  if (references.length === 0) return [row(NONE, NONE, NONE)];
  return references.map(({ reference, digest }) => {
    const { familiarName, tag } = referenceOf(reference);
    return row(familiarName, tag ?? NONE, digest);
  });
}

function names(row: Row, wanted: string): boolean {
  return row.Repository === wanted || `${row.Repository}:${row.Tag}` === wanted;
}
