// Logs are a program's own bytes. In a pipe or a file they pass as they are. On a terminal a
// hostile log could do more than be read (retitle the window, fill the clipboard, have the
// terminal type an answer), so there only text and colours pass; --raw lets everything through.

import type { LogLine } from "@nacre/core/ports/log-driver.ts";
import type { Containers, LogDetails } from "@nacre/engine/engine.ts";
import { type Context, command } from "../command.ts";
import { isSelected, LATEST, withLatest } from "../container-selection.ts";
import { FlagError } from "../flag-error.ts";
import { interruptible } from "../interruption.ts";
import { flag, text, value } from "../options.ts";
import { timeOption } from "../parse/time.ts";
import { neutraliseLog } from "../text/escape.ts";

export default command({
  usage: "[OPTIONS] CONTAINER",
  description:
    "What the container wrote to standard output and standard error goes to ours. On a terminal, control sequences other than colours are shown instead of obeyed.",
  options: {
    details: flag(["details"], "Show what --log-opt labels, env and tag say of the lines"),
    follow: flag(["follow", "f"], "Wait for more until the container ends"),
    latest: LATEST,
    raw: flag(["raw"], "Pass every byte, also to a terminal"),
    since: text(["since"], "time", "Only lines since then: 10m ago, a date, or seconds since 1970"),
    tail: value(["tail", "n"], "int", "Only so many lines from the end ('all' for all)", parseTail),
    until: text(["until"], "time", "Only lines until then"),
    timestamps: flag(["timestamps", "t"], "Show when each line was written"),
  },
  operands: { least: 1, most: 1 },
  instead: isSelected,
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [["nacre logs -f --tail 20 web", "the last 20 lines, then what comes"]],
  async run(context, values, operands) {
    const { details, follow, raw, since, tail, timestamps, until } = values;
    const nowMs = context.host.nowMs();
    const times = {
      ...(since !== undefined && { sinceMs: timeOption("since", since, nowMs) }),
      ...(until !== undefined && { untilMs: timeOption("until", until, nowMs) }),
    };
    const engine = await context.engine();
    const { containers } = engine;
    const [container] = withLatest(values.latest, operands, engine);
    const { id } = containers.get(container!);
    const said = details ? `${detailText(await containers.logDetails(id))} ` : "";
    const writer = new LogWriter(context, raw, timestamps, said);
    const options = { follow, ...times, ...(tail !== undefined && { tail }) };
    return interruptible(context.host, (signal) =>
      copy(containers, id, { ...options, signal }, writer),
    );
  },
});

async function copy(
  containers: Containers,
  id: string,
  options: NonNullable<Parameters<Containers["logs"]>[1]>,
  writer: LogWriter,
): Promise<number> {
  for await (const line of containers.logs(id, options)) writer.write(line);
  return 0;
}

class LogWriter {
  readonly #context: Context;
  readonly #raw: boolean;
  readonly #timestamps: boolean;
  readonly #details: string;

  constructor(context: Context, raw: boolean, timestamps: boolean, details: string) {
    this.#context = context;
    this.#raw = raw;
    this.#timestamps = timestamps;
    this.#details = details;
  }

  write({ stream, text, time }: LogLine): void {
    const { host } = this.#context;
    const shown =
      this.#raw || !host.isTerminal(stream === "stdout" ? 1 : 2) ? text : neutraliseLog(text);
    const line = `${this.#timestamps ? `${time} ` : ""}${this.#details}${shown}`;
    if (stream === "stdout") host.print(line);
    else host.printError(line);
  }
}

/** Escaped as in a query, as docker has it: no comma and no equals sign is part of a name. */
function detailText(details: LogDetails): string {
  const escaped = (text: string): string =>
    new URLSearchParams({ x: text }).toString().slice("x=".length);
  return Object.entries(details)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .join(",");
}

/** Docker takes what it cannot read, and negative numbers, for all lines. */
function parseTail(text: string): number | undefined {
  if (text === "all") return undefined;
  if (!/^-?\d+$/.test(text)) throw new FlagError(`a number or "all" is needed`);
  return text.startsWith("-") ? undefined : Number(text);
}
