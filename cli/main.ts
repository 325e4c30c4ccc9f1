// argv in, exit code out.

import { CATALOG, findEntry, isGroup } from "./catalog.ts";
import type { Entry } from "./catalog-entry.ts";
import type { Command, Context, GlobalOptions } from "./command.ts";
import { describeFailure, exitCodeOf, UsageError } from "./failure.ts";
import { FlagError, TemplateError, UnknownFlagError } from "./flag-error.ts";
import { GLOBAL_OPTIONS, settleGlobals } from "./global-options.ts";
import type { Host } from "./host.ts";
import { parseWords } from "./options.ts";
import { VERSION } from "./version.ts";

/** Docker's exit code for words that it cannot read, whatever the command. */
const MISREAD = 125;

/** Runs the command line `words` (without `nacre` itself); never throws. */
export async function main(words: readonly string[], host: Host): Promise<number> {
  const run: { debug: boolean; failure: number } = {
    debug: host.environment.NACRE_LOG_LEVEL === "debug",
    failure: 1,
  };
  try {
    return await dispatch(words, host, run);
  } catch (error) {
    host.printError(describeFailure(error, run.debug, await hintFor(error)));
    return exitCodeOf(error, run.failure);
  }
}

/** For who typed a word that is none: what may have been meant. */
async function hintFor(error: unknown): Promise<string | undefined> {
  if (!(error instanceof UsageError) || !error.unknown) return undefined;
  const { hint } = await import("./nearest.ts");
  return hint(error.unknown, error.command, Object.values(GLOBAL_OPTIONS));
}

async function dispatch(
  words: readonly string[],
  host: Host,
  run: { debug: boolean; failure: number },
): Promise<number> {
  const { values, operands, help } = read(() => parseWords(GLOBAL_OPTIONS, words, false), "nacre");
  if (values.version) {
    host.print(`nacre version ${VERSION}\n`);
    return 0;
  }
  if (operands.length === 0 || help) return printHelp([], host);
  if (operands[0] === "help") return printHelp(operands.slice(1), host);
  const found = findEntry(operands);
  if (found === undefined) return misplaced(operands, host);
  const { entry, length } = found;
  const command = (await entry.load()).default;
  run.failure = command.failure;
  const name = `nacre ${entry.name}`;
  const rest = operands.slice(length);
  const parsed = read(() => parseWords(command.options, rest, command.interspersed), name);
  if (parsed.help) return printHelp(operands.slice(0, length), host);
  const global = read(() => settleGlobals(values, host.environment), "nacre");
  run.debug = global.logLevel === "debug";
  checkOperands(command, parsed.operands.length, name, command.instead?.(parsed.values) ?? false);
  return perform(command, parsed, global, host, name);
}

async function perform(
  command: Command,
  parsed: { readonly values: Parameters<Command["run"]>[1]; readonly operands: readonly string[] },
  global: GlobalOptions,
  host: Host,
  name: string,
): Promise<number> {
  let engine: ReturnType<Context["engine"]> | undefined;
  const context: Context = {
    global,
    host,
    engine: (more) => {
      engine ??= host.createEngine({ ...global, ...more });
      return engine;
    },
  };
  try {
    return await command.run(context, parsed.values, parsed.operands);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    const code = error instanceof TemplateError ? error.exitCode : MISREAD;
    throw new UsageError(`nacre: ${error.message}`, name, code);
  } finally {
    const made = await engine?.catch(() => undefined);
    await made?.[Symbol.asyncDispose]();
  }
}

function read<T>(parse: () => T, command: string): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    const unknown = error instanceof UnknownFlagError ? error : undefined;
    throw new UsageError(error.message, command, MISREAD, unknown);
  }
}

function checkOperands(command: Command, count: number, name: string, chosen: boolean): void {
  const spared = chosen ? 1 : 0;
  const least = command.operands.least - spared;
  const most = command.operands.most - spared;
  if (count >= least && count <= most) return;
  throw new UsageError(`nacre: '${name}' ${expectation(least, most)}`, name, command.failure);
}

function expectation(least: number, most: number): string {
  if (most === 0) return "accepts no arguments";
  const plural = (n: number) => `${n} argument${n === 1 ? "" : "s"}`;
  if (least === most) return `requires ${plural(least)}`;
  if (most === Number.POSITIVE_INFINITY) return `requires at least ${plural(least)}`;
  return `requires at least ${least} and at most ${plural(most)}`;
}

/** A first word that is no command: `image` alone shows what it leads to. */
function misplaced(operands: readonly string[], host: Host): Promise<number> | never {
  const [first, second] = operands as [string, string?];
  if (!isGroup(first)) {
    throw unknownCommand("nacre", first);
  }
  if (second === undefined || second === "--help" || second === "-h") {
    return printHelp([first], host);
  }
  throw unknownCommand(`nacre ${first}`, second);
}

function unknownCommand(group: string, word: string): UsageError {
  const beginning = `${group} `.slice("nacre ".length);
  const known = CATALOG.filter(({ group: heading }) => heading !== "")
    .flatMap(({ name, aliases = [] }) => [name, ...aliases])
    .filter((name) => name.startsWith(beginning))
    .map((name) => name.slice(beginning.length));
  const unknown = { word, known: [...new Set(known)] };
  return new UsageError(`nacre: unknown command: ${group} ${word}`, group, 1, unknown);
}

async function printHelp(words: readonly string[], host: Host): Promise<number> {
  const { commandHelp, generalHelp } = await import("./help.ts");
  const [first] = words;
  if (first === undefined) {
    host.print(generalHelp(CATALOG, GLOBAL_OPTIONS));
    return 0;
  }
  const entry = findEntry(words)?.entry;
  if (entry) {
    host.print(commandHelp(entry, (await entry.load()).default));
    return 0;
  }
  if (!isGroup(first)) throw unknownCommand("nacre", first);
  const below = (each: Entry) =>
    [each.name, ...(each.aliases ?? [])].some((name) => name.startsWith(`${first} `));
  host.print(generalHelp(CATALOG.filter(below), GLOBAL_OPTIONS, first));
  return 0;
}
