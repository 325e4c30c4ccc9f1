import { command } from "../command.ts";
import { flag } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { formatTable } from "../text/table.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "Holds the store against its records: blobs and layers by their digests, images by what they name. With --repair, what can be mended from what is here is mended: layers are unpacked anew from their blobs, blobs are made anew from layers where that gives the same, and what no record names goes. Ends with 1 where damage is left.",
  options: {
    json: flag(["json"], "Print JSON"),
    quick: flag(["quick"], "Compare sizes, and read no contents"),
    repair: flag(["repair", "r"], "Mend what can be mended"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre system check", "reads all that is stored"],
    ["nacre system check --repair", "and mends it"],
  ],
  async run(context, { json, quick, repair }) {
    const { host } = context;
    const { system } = await context.engine();
    const report = await system.check({ digests: !quick, repair });
    const { found, left } = report;
    const bad = left.some(({ severity }) => severity === "damage");
    if (json) {
      host.print(`${JSON.stringify(report, null, 4)}\n`);
      return bad ? 1 : 0;
    }
    const isLeft = new Set(left.map(({ subject, reason }) => `${subject} ${reason}`));
    const rows = found.map(({ severity, subject, reason }) => [
      severity,
      neutralise(subject),
      neutralise(reason),
      ...(repair ? [isLeft.has(`${subject} ${reason}`) ? "left" : "mended"] : []),
    ]);
    const head = ["SEVERITY", "WHAT", "WHY", ...(repair ? ["NOW"] : [])];
    if (rows.length > 0) host.print(formatTable([head, ...rows]));
    host.print(summary(found.length, left.length, repair));
    return bad ? 1 : 0;
  },
});

function summary(found: number, left: number, repair: boolean): string {
  if (found === 0) return "The store is as it should be.\n";
  if (!repair) return `${found} found. nacre system check --repair mends what it can.\n`;
  if (left === 0) return `${found} found, all mended.\n`;
  return `${found} found, ${left} left: pull or load the images that are named again.\n`;
}
