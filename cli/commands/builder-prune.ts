import type { CachePruneOptions } from "@nacre/engine/engine.ts";
import { parseCacheFilter } from "../cache-filter.ts";
import { command } from "../command.ts";
import { confirmed } from "../confirmation.ts";
import { alsoNamed, flag, list, value } from "../options.ts";
import { parseDiskBytes } from "../parse/bytes.ts";
import { humanSize } from "../text/size.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "Removes steps of builds that no image needs, so that later builds do them again. By itself the cache stays below 10 GiB: what was not used for longest goes first.",
  options: {
    all: flag(["all", "a"], "Also steps that images need, and cache mounts"),
    filter: list(
      ["filter"],
      "filter",
      "until=24h (not used for so long), id=, type=, description=, shared=, private=; ~= for a part, != for others",
      parseCacheFilter,
    ),
    force: flag(["force", "f"], "Do not ask"),
    keepStorage: alsoNamed(
      "max-used-space",
      value(["keep-storage"], "bytes", "What may stay: what was used last", parseDiskBytes),
    ),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre builder prune -f --filter until=240h", "what ten days have not needed"]],
  async run(context, { all, filter, force, keepStorage }) {
    const { host } = context;
    if (!force && !confirmed(host, warning(all))) return 0;
    const unusedMs = filter.findLast(({ name }) => name === "until")?.unusedMs;
    const tests = filter.flatMap(({ test }) => (test ? [test] : []));
    const options: CachePruneOptions = {
      all,
      ...(unusedMs !== undefined && { unusedMs }),
      ...(keepStorage !== undefined && { keepBytes: keepStorage }),
      ...(tests.length > 0 && { where: (entry) => tests.every((test) => test(entry)) }),
    };
    const { removed, reclaimedBytes } = await (await context.engine()).builds.pruneCache(options);
    if (removed.length > 0) {
      host.print(`Deleted build cache objects:\n${removed.map((key) => `${key}\n`).join("")}\n`);
    }
    host.print(`Total reclaimed space: ${humanSize(reclaimedBytes)}\n`);
    return 0;
  },
});

const warning = (all: boolean): string =>
  `This will remove ${all ? "all build cache" : "all build cache that no image needs"}.`;
