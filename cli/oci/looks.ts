// The commands that show: list, ps, events, features.

import { choice, flag, text } from "../options.ts";
import { formatTable } from "../text/table.ts";
import { ociCommand } from "./command.ts";
import { FEATURES } from "./features.ts";
import { json } from "./life.ts";

const FORMAT = choice(["format", "f"], ["table", "json"], "How it is shown");

export const list = ociCommand({
  usage: "",
  summary: "List the containers below --root",
  options: { format: FORMAT, quiet: flag(["quiet", "q"], "Show IDs alone") },
  operands: { least: 0, most: 0 },
  async run({ host, runtime }, { format, quiet }) {
    const found = runtime.list();
    if (quiet) host.print(found.map(({ id }) => `${id}\n`).join(""));
    else if (format === "json") host.print(`${JSON.stringify(found)}\n`);
    else {
      const rows = found.map((one) => [
        ...[one.id, String(one.pid ?? 0), one.status, one.bundle, one.created, one.owner],
      ]);
      host.print(formatTable([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], ...rows]));
    }
    return 0;
  },
});

export const ps = ociCommand({
  usage: "ID [PS OPTION...]",
  summary: "Show the processes of a container",
  options: { format: FORMAT },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: false,
  async run({ host, runtime }, { format }, [id, ...words]) {
    const pids = runtime.processes(id as string);
    if (format === "json") host.print(`${JSON.stringify(pids)}\n`);
    else {
      const shown = host.output(["ps", ...(words.length > 0 ? words : ["-ef"])]).split("\n");
      const column = (shown[0] ?? "").trim().split(/\s+/).indexOf("PID");
      const ours = shown
        .slice(1)
        .filter((line) => pids.includes(Number(line.trim().split(/\s+/)[column])));
      host.print([shown[0], ...ours, ""].join("\n"));
    }
    return 0;
  },
});

const SECONDS = 1000;

function intervalMs(word: string | undefined): number {
  const [, number = "5", unit = "s"] = /^(\d+)(ms|s|m)?$/.exec(word ?? "5s") ?? [];
  return Math.max(Number(number) * ({ ms: 1, s: SECONDS, m: 60 * SECONDS }[unit] ?? SECONDS), 100);
}

export const events = ociCommand({
  usage: "ID",
  summary: "Show what a container uses, as JSON: once, or again and again until it ends",
  options: {
    stats: flag(["stats"], "Once"),
    interval: text(["interval"], "TIME", "How long between two (default 5s)"),
  },
  async run({ host, runtime }, { stats, interval }, [id]) {
    const { containerStats } = await import("@nacre/engine/oci/stats.ts");
    const say = () => {
      const data = containerStats(runtime, id as string);
      host.print(`${JSON.stringify({ type: "stats", id, data })}\n`);
    };
    say();
    while (!stats) {
      await host.sleep(intervalMs(interval));
      if (runtime.state(id as string).status === "stopped") break;
      say();
    }
    return 0;
  },
});

export const features = ociCommand({
  usage: "",
  summary: "Show what this runtime can do, as JSON",
  options: {},
  operands: { least: 0, most: 0 },
  async run({ host }) {
    host.print(json(FEATURES));
    return 0;
  },
});
