import type { ExploredImage } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { ExploreView } from "../explore-view.ts";
import type { Host } from "../host.ts";
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
    else if (host.isTerminal(0) && host.isTerminal(1)) await look(host, new ExploreView(explored));
    else host.print(summary(explored));
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

/** On the terminal's other screen, until a key ends it. */
async function look(host: Host, view: ExploreView): Promise<void> {
  const paint = (): void => {
    const { rows, columns } = host.terminalSize() ?? { rows: 24, columns: 80 };
    const lines = view.lines(rows, columns);
    host.print(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J`);
  };
  host.print("\u001b[?1049h\u001b[?25l");
  try {
    paint();
    const ended = Promise.withResolvers<void>();
    const stop = host.onInput(true, async (bytes) => {
      const goesOn = keysOf(Buffer.from(bytes).toString("utf8")).every((key) => view.key(key));
      if (goesOn) paint();
      else ended.resolve();
    });
    await ended.promise;
    stop();
  } finally {
    host.print("\u001b[?25h\u001b[?1049l");
  }
}

/** Keys of what a terminal sent at once: escape sequences are one each. */
function keysOf(text: string): string[] {
  return text.match(/\u001b\[[0-9;]*[~A-Za-z]|./gsu) ?? [];
}
