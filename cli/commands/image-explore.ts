import type { ExploredImage } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { flag } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { humanSize } from "../text/size.ts";
import { ellipsis, formatTable } from "../text/table.ts";

export default command({
  usage: "[OPTIONS] IMAGE",
  description:
    "Looks through an image's layers: which files each added, changed and deleted, and how much of it later layers hid, which nobody sees and everybody stores. At a terminal one moves in it by keys; into a pipe it prints a line for each layer.",
  options: { json: flag(["json"], "Print JSON, every change of every layer") },
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [
    ["nacre image explore debian", "at a terminal"],
    ["nacre image explore --json app | jq .wastedBytes", "what is hidden in all"],
  ],
  async run(context, { json }, [reference]) {
    const { host } = context;
    const { images } = await context.engine();
    const explored = await images.explore(reference!);
    if (json) host.print(`${JSON.stringify(explored, null, 4)}\n`);
    else if (host.isTerminal(0) && host.isTerminal(1)) {
      const { explore } = await import("../explore-terminal.ts");
      await explore(host, explored);
    } else host.print(summary(explored));
    return 0;
  },
});

function summary({ layers, wastedBytes }: ExploredImage): string {
  const rows = layers.map(({ number, tarBytes, hiddenBytes = 0, changes, createdBy }) => {
    const count = (wanted: string): string =>
      String(changes.filter(({ what }) => what === wanted).length);
    return [
      ...[String(number), humanSize(tarBytes, 3), count("added"), count("changed")],
      ...[count("deleted"), humanSize(hiddenBytes, 3)],
      ellipsis(neutralise(createdBy.replaceAll(/\s+/g, " ")), 45),
    ];
  });
  const head = ["LAYER", "SIZE", "ADDED", "CHANGED", "DELETED", "HIDDEN", "CREATED BY"];
  return `${formatTable([head, ...rows])}Hidden in all: ${humanSize(wastedBytes, 3)}\n`;
}
