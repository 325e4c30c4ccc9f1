// Logs are a program's own bytes. In a pipe or a file they pass as they are. On a terminal a
// hostile log could do more than be read (retitle the window, fill the clipboard, have the
// terminal type an answer), so there only text and colours pass; --raw lets everything through.

import type { LogLine } from "@nacre/core/ports/log-driver.ts";
import { shortId } from "@nacre/core/short-id.ts";
import type { Containers, LogDetails } from "@nacre/engine/engine.ts";
import { type Context, command } from "../command.ts";
import { isSelected, LATEST, selected } from "../container-selection.ts";
import { FlagError } from "../flag-error.ts";
import { interruptible } from "../interruption.ts";
import { inOrderOfTime } from "../log-order.ts";
import { flag, text, value } from "../options.ts";
import { timeOption } from "../parse/time.ts";
import { neutraliseLog } from "../text/escape.ts";

type Options = NonNullable<Parameters<Containers["logs"]>[1]>;

/** One container's log, and what stands before each of its lines. */
interface Source {
  readonly id: string;
  readonly before: string;
  readonly details: string;
  /** Absent: none. */
  readonly colour?: string;
}

/** podman's, of the first container, the second and so on: grey, red, yellow, blue, … */
const COLOURS = [37, 31, 33, 34, 35, 36, 32].map((number) => `\u001b[${number}m`);

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description:
    "What the container wrote to standard output and standard error goes to ours. Of several containers the lines come in the order of their times, with --follow as they are written, and each begins with the container's ID. On a terminal, control sequences other than colours are shown instead of obeyed.",
  options: {
    color: flag(["color"], "Show the lines of each container in a colour of its own"),
    details: flag(["details"], "Show what --log-opt labels, env and tag say of the lines"),
    follow: flag(["follow", "f"], "Wait for more until the container ends"),
    latest: LATEST,
    names: flag(["names"], "Of several containers: begin lines with names instead of IDs"),
    raw: flag(["raw"], "Pass every byte, also to a terminal"),
    since: text(["since"], "time", "Only lines since then: 10m ago, a date, or seconds since 1970"),
    tail: value(["tail", "n"], "int", "Only so many lines from the end ('all' for all)", parseTail),
    until: text(["until"], "time", "Only lines until then"),
    timestamps: flag(["timestamps", "t"], "Show when each line was written"),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [
    ["nacre logs -f --tail 20 web", "the last 20 lines, then what comes"],
    ["nacre logs -f --names web db", "two containers, each line with who wrote it"],
  ],
  async run(context, values, operands) {
    const { details, follow, raw, since, tail, timestamps, until } = values;
    const { host } = context;
    const nowMs = host.nowMs();
    const times = {
      ...(since ? { sinceMs: timeOption("since", since, nowMs) } : {}),
      ...(until ? { untilMs: timeOption("until", until, nowMs) } : {}),
    };
    const { containers } = await context.engine();
    const records = selected(values, operands, { containers }, host).map((name) =>
      containers.get(name),
    );
    const several = records.length > 1;
    const sources = await Promise.all(
      records.map(async ({ id, name }, index): Promise<Source> => {
        const before = several ? `${values.names ? name : shortId(id)} ` : "";
        const said = details ? `${detailText(await containers.logDetails(id))} ` : "";
        const colour = COLOURS[index % COLOURS.length]!;
        return { id, before, details: said, ...(values.color && { colour }) };
      }),
    );
    const writer = new LogWriter(context, raw, timestamps, several);
    const options = { follow, ...times, ...(tail !== undefined && { tail }) };
    return interruptible(host, (signal) =>
      copy(containers, sources, { ...options, signal }, writer),
    );
  },
});

async function copy(
  containers: Containers,
  sources: readonly Source[],
  options: Options,
  writer: LogWriter,
): Promise<number> {
  if (options.follow) return follow(containers, sources, options, writer);
  const logs = sources.map((source) => ({ source, lines: containers.logs(source.id, options) }));
  for await (const { source, line } of inOrderOfTime(logs)) writer.write(line, source);
  return 0;
}

/** Where one log fails the others end, too. */
async function follow(
  containers: Containers,
  sources: readonly Source[],
  options: Options,
  writer: LogWriter,
): Promise<number> {
  const failure = new AbortController();
  const signals = [failure.signal, ...(options.signal ? [options.signal] : [])];
  const every = { ...options, signal: AbortSignal.any(signals) };
  try {
    await Promise.all(
      sources.map(async (source) => {
        for await (const line of containers.logs(source.id, every)) writer.write(line, source);
      }),
    );
    return 0;
  } finally {
    failure.abort();
  }
}

class LogWriter {
  readonly #context: Context;
  readonly #raw: boolean;
  readonly #timestamps: boolean;
  readonly #several: boolean;

  constructor(context: Context, raw: boolean, timestamps: boolean, several: boolean) {
    this.#context = context;
    this.#raw = raw;
    this.#timestamps = timestamps;
    this.#several = several;
  }

  write({ stream, text, time }: LogLine, { before, colour, details }: Source): void {
    const { host } = this.#context;
    const shown =
      this.#raw || !host.isTerminal(stream === "stdout" ? 1 : 2) ? text : neutraliseLog(text);
    const line = `${before}${this.#timestamps ? `${time} ` : ""}${details}${shown}`;
    const ended = this.#ended(colour === undefined ? line : coloured(line, colour));
    if (stream === "stdout") host.print(ended);
    else host.printError(ended);
  }

  /** The next line may be another container's, so that the rest of this one would not join it. */
  #ended(line: string): string {
    return this.#several && !line.endsWith("\n") ? `${line}\n` : line;
  }
}

function coloured(line: string, colour: string): string {
  const end = line.endsWith("\n") ? "\n" : "";
  return `${colour}${line.slice(0, line.length - end.length)}\u001b[0m${end}`;
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
  if (!/^-?\d+$/.test(text))
    throw new FlagError(`a number or "all" is needed; podman's -n is --names here`);
  return text.startsWith("-") ? undefined : Number(text);
}
