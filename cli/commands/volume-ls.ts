import type { VolumeListing } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { flag, text } from "../options.ts";
import { filterOption, filtersOf } from "../parse/filter.ts";
import { neutralise } from "../text/escape.ts";
import { ascending, formatListing, NO_HEADING, type Row } from "../text/listing.ts";

const HEADINGS = {
  Driver: "DRIVER",
  Name: "VOLUME NAME",
  Scope: "SCOPE",
  Mountpoint: "MOUNTPOINT",
  Labels: "LABELS",
  Links: "LINKS",
  Size: "SIZE",
};

export default command({
  usage: "[OPTIONS]",
  description: "Filters: dangling (true: no container has it), driver, label, name.",
  options: {
    filter: filterOption("Only those for which it holds, such as dangling=true"),
    format: text(["format"], "string", "'table', 'json', a Go template, or 'table TEMPLATE'", [
      "table",
      "json",
    ]),
    noHeading: NO_HEADING,
    quiet: flag(["quiet", "q"], "Print names only"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre volume ls -qf dangling=true", "names of those that no container has"]],
  async run(context, { filter, format, noHeading, quiet }) {
    const { volumes } = await context.engine();
    const listings = await volumes.list(filtersOf(filter));
    const sorted = ascending(listings, ({ volume }) => volume.name);
    const rows = sorted.map(rowOf);
    const { host } = context;
    if (quiet && format === undefined) host.print(rows.map((row) => `${row.Name}\n`).join(""));
    else {
      const labels = sorted.map(({ volume }) => neutralised(volume.labels));
      const listing = { rows, headings: HEADINGS, columns: ["Driver", "Name"], noHeading };
      host.print(formatListing({ ...listing, labels }, format));
    }
    return 0;
  },
});

const neutralised = (labels: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, neutralise(value)]));

function rowOf({ volume, mountpoint, users }: VolumeListing): Row {
  const labels = Object.entries(volume.labels).map(([name, value]) => `${name}=${value}`);
  return {
    Driver: volume.driver,
    Labels: neutralise(labels.join(",")),
    Links: String(users.length),
    Mountpoint: mountpoint,
    Name: volume.name,
    Scope: "local",
    Size: "N/A",
  };
}
