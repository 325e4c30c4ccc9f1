import { command } from "../command.ts";
import { confirmed } from "../confirmation.ts";
import { pinWords } from "../namespace-options.ts";
import { flag } from "../options.ts";
import { type Filter, longFilterOption, timedFiltersOf } from "../parse/filter.ts";
import { neutralise } from "../text/escape.ts";
import { imageLines } from "../text/pruned-images.ts";
import { humanSize } from "../text/size.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "Removes stopped containers, images without a name (with -a all that no container needs), and what killed processes left behind. Filters: until (a time, or an age such as 24h), label, label!.",
  options: {
    all: flag(["all", "a"], "Also images that have a name and no container"),
    filter: longFilterOption("Only those for which it holds, such as until=24h"),
    force: flag(["force", "f"], "Do not ask"),
    pins: flag(["pins"], "Also pinned namespaces that no process is in"),
    volumes: flag(["volumes"], "Also volumes without a name of yours that no container has"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre system prune -af", "everything that nothing needs, without asking"],
    ["nacre system prune -f --filter until=24h", "what is older than a day"],
  ],
  async run(context, options) {
    const { all, pins, volumes } = options;
    const chosen = timedFiltersOf(options.filter, context.host.nowMs());
    if (!options.force && !confirmed(context.host, warning(options))) return 0;
    const engine = await context.engine();
    const pruned = await engine.system.prune({ all, pins, volumes, ...chosen });
    const { containers, untagged, images, reclaimedBytes } = pruned;
    const { host } = context;
    if (containers.length > 0) host.print(`Deleted Containers:\n${containers.join("\n")}\n\n`);
    const lines = imageLines(untagged, images);
    if (lines.length > 0) host.print(`Deleted Images:\n${lines.join("\n")}\n\n`);
    if (pruned.volumes.length > 0) {
      host.print(`Deleted Volumes:\n${pruned.volumes.join("\n")}\n\n`);
    }
    if (pruned.pins.length > 0) host.print(`Deleted Pins:\n${pruned.pins.join("\n")}\n\n`);
    const left = engine.namespaces.pins();
    if (left.length > 0) {
      host.print(`Still Pinned (nacre ns unpin):\n${left.map(pinWords).join("\n")}\n\n`);
    }
    host.print(`Total reclaimed space: ${humanSize(reclaimedBytes)}\n`);
    return 0;
  },
});

function warning(wanted: {
  readonly filter: readonly Filter[];
  readonly all: boolean;
  readonly pins: boolean;
  readonly volumes: boolean;
}): string {
  const going = [
    "all stopped containers",
    wanted.all ? "all images without a container" : "all images without a name",
    ...(wanted.volumes ? ["all volumes without a name of yours that no container has"] : []),
    ...(wanted.pins ? ["all pinned namespaces without a process"] : []),
  ];
  const items = wanted.filter.map((filter) => `  - ${neutralise(filter.join("="))}\n`).join("");
  const only = items === "" ? "" : `\nOf these only what is meant by:\n${items}`;
  return `This will remove:\n${going.map((what) => `  - ${what}\n`).join("")}${only}`;
}
