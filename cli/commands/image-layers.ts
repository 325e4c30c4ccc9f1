import { shortId } from "@nacre/core/short-id.ts";
import type { LayerReport, PathReport } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { flag } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { humanSize } from "../text/size.ts";
import { ellipsis, formatTable } from "../text/table.ts";

export default command({
  usage: "[OPTIONS] IMAGE [PATH]",
  description:
    "Layers count from 1, the bottom. VISIBLE is what of a layer's files can be seen in the container; the rest is hidden or deleted by layers above. With a path: which layer gives it, and what it hides.",
  options: {
    json: flag(["json"], "Print JSON"),
    noTrunc: flag(["no-trunc"], "Do not shorten digests and commands"),
  },
  operands: { least: 1, most: 2 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [
    ["nacre image layers debian", "its layers from the bottom up"],
    ["nacre image layers debian /etc/passwd", "where a file comes from"],
  ],
  async run(context, { json, noTrunc }, [image, path]) {
    const { host } = context;
    const { images } = await context.engine();
    if (path !== undefined) {
      const report = await images.path(image!, path);
      host.print(json ? `${JSON.stringify(report, null, 4)}\n` : pathText(report));
      return 0;
    }
    const { layers, wastedBytes } = await images.layers(image!);
    if (json) host.print(`${JSON.stringify({ layers, wastedBytes }, null, 4)}\n`);
    else host.print(`${layersTable(layers, !noTrunc)}\n${wasteText(layers, wastedBytes)}`);
    return 0;
  },
});

function layersTable(layers: readonly LayerReport[], truncate: boolean): string {
  const rows = layers.map((layer, index) => [
    String(index + 1),
    truncate ? shortId(layer.diffId) : layer.diffId,
    humanSize(layer.tarBytes, 3),
    humanSize(layer.visibleBytes, 3),
    String(layer.entries),
    neutralise(truncate ? ellipsis(layer.createdBy, 45) : layer.createdBy),
  ]);
  return formatTable([["LAYER", "DIFF ID", "SIZE", "VISIBLE", "ENTRIES", "CREATED BY"], ...rows]);
}

function wasteText(layers: readonly LayerReport[], wastedBytes: number): string {
  const total = layers.reduce((sum, { tarBytes }) => sum + tarBytes, 0);
  return `${humanSize(wastedBytes, 3)} of ${humanSize(total, 3)} are hidden or deleted by layers above.\n`;
}

function pathText(report: PathReport): string {
  const mode = report.mode.toString(8).padStart(4, "0");
  const size = report.type === "file" ? `, ${humanSize(report.sizeBytes)}` : "";
  const lines = [
    `${neutralise(report.path)}: ${report.type}, mode ${mode}${size}, from layer ${report.layer}`,
    ...report.hides.map(
      ({ layer, type, sizeBytes }) =>
        `  hides a ${type} of layer ${layer}${type === "file" ? `, ${humanSize(sizeBytes)}` : ""}`,
    ),
  ];
  if (report.hides.length === 0) lines.push("  hides nothing");
  return lines.map((line) => `${line}\n`).join("");
}
