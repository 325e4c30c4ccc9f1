// What the scripts of `nacre completion` ask: which words could stand where the last one stands.
//
//   nacre __complete -- run --network h      one candidate a line: word, tab, what it is
//
// A line ":files" asks the shell to offer file names. Nothing is said about errors: a key that
// does nothing is the better answer in the middle of a line.

import type { Engine } from "@nacre/engine/engine.ts";
import { CATALOG, findEntry } from "../catalog.ts";
import { type Command, type Context, command } from "../command.ts";
import { GLOBAL_OPTIONS, settleGlobals } from "../global-options.ts";
import { familiarName } from "../image-name.ts";
import { type Option, type OptionTable, parseWords, type Suggestion } from "../options.ts";

interface Candidate {
  readonly word: string;
  readonly says: string;
}

export default command({
  usage: "-- [WORD...]",
  description: "",
  options: {},
  operands: { least: 0, most: Number.POSITIVE_INFINITY },
  interspersed: false,
  suggest: [],
  failure: 1,
  examples: [],
  async run(context, _, words) {
    const last = words.at(-1) ?? "";
    const found = await candidates(words.slice(0, -1), last, context).catch(() => []);
    const lines = found
      .filter(({ word }) => word.startsWith(last) || word === ":files")
      .map(({ word, says }) => (says === "" ? word : `${word}\t${says}`));
    context.host.print(lines.map((line) => `${line}\n`).join(""));
    return 0;
  },
});

async function candidates(
  before: readonly string[],
  last: string,
  context: Context,
): Promise<Candidate[]> {
  const global = optionNamed(GLOBAL_OPTIONS, before.at(-1) ?? "");
  const operands = operandsOf(GLOBAL_OPTIONS, global ? before.slice(0, -1) : before);
  if (operands.length === 0) {
    if (global) return suggestions(global.suggest ?? [], [], context);
    return last.startsWith("-") ? optionWords(GLOBAL_OPTIONS) : nextNames([]);
  }
  const found = findEntry(operands);
  if (found === undefined) return nextNames(operands);
  const { entry, length } = found;
  const definition = (await entry.load()).default;
  const given = operands.slice(length);
  const pending = pendingOption(definition, given);
  if (pending) return suggestions(pending.suggest ?? [], before, context);
  const { operands: words } = parseWords(definition.options, given, definition.interspersed);
  const open = definition.interspersed || words.length === 0;
  if (last.startsWith("-") && open) return optionWords(definition.options);
  const place = definition.suggest[Math.min(words.length, definition.suggest.length - 1)];
  const past = !definition.interspersed && words.length >= definition.suggest.length;
  if (place === undefined || past) return past ? [{ word: ":files", says: "" }] : [];
  return suggestions(place, before, context);
}

/** The option whose value is the word that is being typed. */
function pendingOption(definition: Command, given: readonly string[]): Option | undefined {
  const option = optionNamed(definition.options, given.at(-1) ?? "");
  if (option === undefined || definition.interspersed) return option;
  // A word after the container's own command began is that command's.
  return operandsOf(definition.options, given.slice(0, -1)).length > 0 ? undefined : option;
}

function operandsOf(table: OptionTable, words: readonly string[]): readonly string[] {
  return parseWords(table, words, false).operands;
}

/** The option that `word` names, if it takes a value that is not part of the word. */
function optionNamed(table: OptionTable, word: string): Option | undefined {
  if (!/^-[^=]+$/.test(word)) return undefined;
  const options = Object.values(table) as Option[];
  const option = word.startsWith("--")
    ? options.find(({ long }) => `--${long}` === word)
    : options.find(({ short }) => short !== undefined && word.endsWith(short));
  return option?.takes === undefined ? undefined : option;
}

function optionWords(table: OptionTable): Candidate[] {
  const words = (Object.values(table) as Option[]).map(({ long, help }) => ({
    word: `--${long}`,
    says: help,
  }));
  return [...words, { word: "--help", says: "Show what the command does" }];
}

/** Names of commands that go on from these words: after `image` come `inspect`, `layers`, … */
function nextNames(before: readonly string[]): Candidate[] {
  const found = new Map<string, string>();
  for (const { name, aliases = [], summary, group } of CATALOG) {
    if (group === "") continue;
    for (const each of before.length === 0 ? [name] : [name, ...aliases]) {
      const words = each.split(" ");
      const next = words[before.length];
      if (next === undefined || before.some((word, i) => word !== words[i])) continue;
      const complete = words.length === before.length + 1;
      if (!found.has(next)) found.set(next, complete ? summary : `${next} commands`);
    }
  }
  return [...found].map(([word, says]) => ({ word, says }));
}

async function suggestions(
  suggestion: Suggestion,
  before: readonly string[],
  context: Context,
): Promise<Candidate[]> {
  if (suggestion === "files") return [{ word: ":files", says: "" }];
  if (typeof suggestion !== "string") return suggestion.map((word) => ({ word, says: "" }));
  const { values } = parseWords(GLOBAL_OPTIONS, before, false);
  const global = settleGlobals(values, context.host.environment);
  await using engine = await context.host.createEngine(global);
  if (suggestion === "images") return imageWords(engine);
  if (suggestion === "pins") return pinWords(engine);
  if (suggestion === "volumes") return volumeWords(engine);
  if (suggestion === "secrets") return secretWords(engine);
  if (suggestion === "copyable") {
    const names = containerWords(engine, "containers");
    return [
      ...names.map(({ word, says }) => ({ word: `${word}:`, says })),
      { word: ":files", says: "" },
    ];
  }
  if (suggestion !== "joinable") return containerWords(engine, suggestion);
  return [...pinWords(engine), ...containerWords(engine, "running")];
}

function pinWords(engine: Engine): Candidate[] {
  return engine.namespaces
    .pins()
    .map(({ name, of }) => ({ word: name, says: `pinned of ${of.container?.name ?? of.pid}` }));
}

async function volumeWords(engine: Engine): Promise<Candidate[]> {
  const listed = await engine.volumes.list();
  return listed.map(({ volume, users }) => ({
    word: volume.name,
    says: users.map(({ name }) => name).join(", "),
  }));
}

const secretWords = (engine: Engine): Candidate[] =>
  engine.secrets.list().map(({ name }) => ({ word: name, says: "" }));

function imageWords(engine: Engine): Candidate[] {
  return engine.images
    .list()
    .flatMap(({ references }) => references)
    .map(({ reference }) => ({ word: familiarName(reference), says: "" }));
}

function containerWords(engine: Engine, which: "containers" | "running"): Candidate[] {
  return engine.containers
    .list({ all: which === "containers" })
    .map(({ name, request, status }) => ({ word: name, says: `${request.image}, ${status}` }));
}
