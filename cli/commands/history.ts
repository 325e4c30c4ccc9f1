import { shortId } from "@nacre/core/short-id.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { LayerReport } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { flag, text } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { formatListing, type Row } from "../text/listing.ts";
import { humanSize } from "../text/size.ts";
import { ellipsis } from "../text/table.ts";
import { humanDuration } from "../text/time.ts";

const HEADINGS = {
  ID: "IMAGE",
  CreatedSince: "CREATED",
  CreatedAt: "CREATED AT",
  CreatedBy: "CREATED BY",
  Size: "SIZE",
  Comment: "COMMENT",
};
const COLUMNS = ["ID", "CreatedSince", "CreatedBy", "Size", "Comment"];
const MISSING = "<missing>";

export default command({
  usage: "[OPTIONS] IMAGE",
  description:
    "The steps by which an image was made, the last one first. SIZE is that of the step's layer, unpacked. Steps before the last have no image of their own here: <missing>.",
  options: {
    format: text(["format"], "string", "'table', 'json', a Go template, or 'table TEMPLATE'", [
      "table",
      "json",
    ]),
    human: { ...flag(["human", "H"], "Print sizes and dates for people"), initial: true },
    noTrunc: flag(["no-trunc"], "Do not shorten IDs and commands"),
    platform: text(
      ["platform"],
      "os/arch",
      "The image for this platform, where a name has several",
    ),
    quiet: flag(["quiet", "q"], "Print IDs only"),
  },
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [["nacre history --no-trunc debian", "with the whole of each command"]],
  async run(context, { format, human, noTrunc, platform, quiet }, [reference]) {
    const { host } = context;
    const { images } = await context.engine();
    const { image } = images.get(reference!, platform);
    const { layers } = await images.layers(reference!, platform);
    const look = { nowMs: host.nowMs(), human, truncate: !noTrunc };
    const rows = stepsOf(image, layers, look);
    if (quiet && format === undefined) host.print(rows.map(({ ID }) => `${ID}\n`).join(""));
    else host.print(formatListing({ rows, headings: HEADINGS, columns: COLUMNS }, format));
    return 0;
  },
});

interface Look {
  readonly nowMs: number;
  readonly human: boolean;
  readonly truncate: boolean;
}

function stepsOf(image: ImageRecord, layers: readonly LayerReport[], look: Look): Row[] {
  const { config } = image;
  // An image need not say how it was made; then each layer is a step.
  const said = config.history ?? [];
  const steps = said.length > 0 ? said : layers.map(() => ({}) as (typeof said)[number]);
  let layer = 0;
  const rows = steps.map((step, at): Row => {
    const bytes = step.empty_layer === true ? 0 : (layers[layer++]?.tarBytes ?? 0);
    const createdMs = Date.parse(step.created ?? "");
    const command = neutralise((step.created_by ?? "").replaceAll(/\s+/g, " "));
    const id = look.truncate ? shortId(image.id) : image.id;
    return {
      ID: at === steps.length - 1 ? id : MISSING,
      ...dates(createdMs, step.created, look),
      CreatedBy: look.truncate ? ellipsis(command, 45) : command,
      Size: look.human ? humanSize(bytes, 3) : String(bytes),
      Comment: neutralise(step.comment ?? ""),
    };
  });
  return rows.reverse();
}

function dates(createdMs: number, created: string | undefined, { nowMs, human }: Look): Row {
  if (Number.isNaN(createdMs)) return { CreatedSince: "N/A", CreatedAt: "N/A" };
  const at = neutralise(created ?? "");
  return { CreatedSince: human ? `${humanDuration(nowMs - createdMs)} ago` : at, CreatedAt: at };
}
