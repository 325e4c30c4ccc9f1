import type { InstalledPlugin } from "@nacre/plugin-loader/installed.ts";
import { command } from "../command.ts";
import { flag, text } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { formatListing, type Row } from "../text/listing.ts";

const HEADINGS = {
  Name: "NAME",
  Version: "VERSION",
  API: "API",
  Provides: "PROVIDES",
  Origin: "FROM",
  Directory: "DIRECTORY",
};

export default command({
  usage: "[OPTIONS]",
  description:
    "Shows the plugins that Nacre brings and those that --plugin, NACRE_PLUGINS or /etc/nacre/plugins.json name, by their manifests; none of them is loaded. A plugin runs with all rights of the engine.",
  options: {
    format: text(["format"], "string", "'table', 'json', a Go template, or 'table TEMPLATE'", [
      "table",
      "json",
    ]),
    json: flag(["json"], "Print a JSON array"),
    quiet: flag(["quiet", "q"], "Print names only"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre plugin ls", "every plugin and what it provides"],
    ["nacre --plugin ./my-plugin plugin ls", "whether a manifest is as it should be"],
  ],
  async run({ global, host }, { format, json, quiet }) {
    const rows = (await host.plugins(global)).map(pluginRow);
    if (json) host.print(`${JSON.stringify(rows, null, 2)}\n`);
    else if (quiet && format === undefined) host.print(rows.map((row) => `${row.Name}\n`).join(""));
    else {
      const columns = ["Name", "Version", "API", "Provides", "Origin"];
      host.print(formatListing({ rows, headings: HEADINGS, columns }, format));
    }
    return 0;
  },
});

function pluginRow({ manifest, directory, origin }: InstalledPlugin): Row {
  const provides = manifest.provides.map(({ port, name }) => `${port} ${name}`).join(", ");
  return {
    Name: neutralise(manifest.name),
    Version: neutralise(manifest.version),
    API: String(manifest.apiVersion),
    Provides: provides,
    Origin: neutralise(origin),
    Directory: neutralise(directory),
  };
}
