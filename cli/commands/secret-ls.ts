import type { SecretRecord } from "@nacre/core/state/records.ts";
import { command } from "../command.ts";
import { flag, text } from "../options.ts";
import { filterOption, filtersOf } from "../parse/filter.ts";
import { formatListing, NO_HEADING, type Row } from "../text/listing.ts";
import { humanDuration } from "../text/time.ts";

const HEADINGS = {
  ID: "ID",
  Name: "NAME",
  Driver: "DRIVER",
  CreatedAt: "CREATED",
  UpdatedAt: "UPDATED",
};

export default command({
  usage: "[OPTIONS]",
  description: "Filters: name (a part of it), id (its beginning).",
  options: {
    filter: filterOption("Only those for which it holds, such as name=db"),
    format: text(["format"], "string", "'table', 'json', a Go template, or 'table TEMPLATE'", [
      "table",
      "json",
    ]),
    noHeading: NO_HEADING,
    quiet: flag(["quiet", "q"], "Print IDs only"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre secret ls --format '{{.Name}}'", "their names"]],
  async run(context, { filter, format, noHeading, quiet }) {
    const { host } = context;
    const { secrets } = await context.engine();
    const nowMs = host.nowMs();
    const rows = secrets.list(filtersOf(filter)).map((secret) => rowOf(secret, nowMs));
    if (quiet && format === undefined) host.print(rows.map(({ ID }) => `${ID}\n`).join(""));
    else {
      const listing = { rows, headings: HEADINGS, columns: Object.keys(HEADINGS), noHeading };
      host.print(formatListing(listing, format));
    }
    return 0;
  },
});

function rowOf({ id, name, createdMs }: SecretRecord, nowMs: number): Row {
  const created = `${humanDuration(nowMs - createdMs)} ago`;
  return { ID: id, Name: name, Driver: "file", CreatedAt: created, UpdatedAt: created };
}
