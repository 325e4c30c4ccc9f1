// Commands that are part of the shell (POSIX 2.14, and those that bash and ash add): what must
// change the shell itself, and what every script uses so often that a process would be a waste.

import { errorText } from "../error-text.ts";
import { test } from "./condition.ts";
import { cd, pwd, umask } from "./directory.ts";
import { external, pathOf } from "./external.ts";
import { splitLine } from "./fields.ts";
import { echo, printf } from "./formatting.ts";
import type { Shell } from "./interpreter.ts";
import { killJobs, listJobs, trap, wait } from "./job-builtins.ts";
import { Jump } from "./jump.ts";
import { ulimit } from "./limits.ts";
import type { Streams } from "./redirection.ts";
import { OPTION_LETTERS, ShellError, type ShellOptions, type ShellState } from "./state.ts";

export type Builtin = (
  shell: Shell,
  words: readonly string[],
  streams: Streams,
) => number | Promise<number>;

/** Their assignments stay (POSIX 2.14). */
export const SPECIAL_BUILTINS: ReadonlySet<string> = new Set([
  ":",
  ".",
  "break",
  "continue",
  "eval",
  "exec",
  "exit",
  "export",
  "readonly",
  "return",
  "set",
  "shift",
  "trap",
  "unset",
]);

/** Arguments that assign are not split. */
export const DECLARATIONS: ReadonlySet<string> = new Set([
  "export",
  "readonly",
  "local",
  "declare",
  "typeset",
]);

const number = (word: string | undefined, otherwise: number): number => {
  if (word === undefined) return otherwise;
  if (!/^-?\d+$/.test(word)) throw new ShellError(`${word}: bad number`, 2);
  return Number(word);
};

const say = async (streams: Streams, text: string): Promise<number> => {
  await streams.get(1)?.write(text);
  return 0;
};

// -- variables ------------------------------------------------------------------------------------

const assignment = (word: string): [name: string, value: string | undefined] => {
  const [, name = word, value] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
  return [name, value];
};

function mark(
  shell: Shell,
  words: readonly string[],
  marks: { exported?: true; readOnly?: true },
): number {
  for (const word of words) {
    if (word === "-p") continue;
    const [name, value] = assignment(word);
    if (!/^[A-Za-z_]\w*$/.test(name)) throw new ShellError(`${name}: bad variable name`, 2);
    if (value !== undefined) shell.state.set(name, value);
    shell.state.mark(name, marks);
  }
  return 0;
}

async function listExported(shell: Shell, streams: Streams): Promise<number> {
  const lines = Object.entries(shell.state.environment()).map(
    ([name, value]) => `export ${name}='${value}'\n`,
  );
  return say(streams, lines.sort().join(""));
}

function local({ state }: Shell, words: readonly string[]): number {
  for (const word of words) {
    if (word.startsWith("-")) continue;
    const [name, value] = assignment(word);
    if (!state.hide(name)) throw new ShellError("local: not in a function", 2);
    if (value !== undefined) state.set(name, value);
  }
  return 0;
}

/** bash's: local in a function, else only marks. */
function declare(shell: Shell, words: readonly string[]): number {
  const flags = words.filter((word) => /^[-+]/.test(word)).join("");
  if (flags.includes("A")) throw new ShellError("declare: -A: no associative arrays", 2);
  for (const word of words) {
    if (/^[-+]/.test(word)) continue;
    const [name, value] = assignment(word);
    if (!flags.includes("g")) shell.state.hide(name);
    if (value !== undefined) shell.state.set(name, value);
    if (flags.includes("a") && value === undefined) shell.state.set(name, []);
    if (flags.includes("x")) shell.state.mark(name, { exported: true });
    if (flags.includes("r")) shell.state.mark(name, { readOnly: true });
  }
  return 0;
}

/** An element of a list leaves a hole. */
async function unsetElement(shell: Shell, name: string, subscript: string): Promise<void> {
  const items = shell.state.variables.get(name)?.value;
  if (!Array.isArray(items)) return;
  const place = Number(await shell.expansion.evaluateText(subscript));
  const at = place < 0 ? items.length + place : place;
  shell.state.set(
    name,
    items.map((item, i) => (i === at ? undefined : item)),
  );
}

async function unset(shell: Shell, words: readonly string[]): Promise<number> {
  const { state } = shell;
  const functions = words[0] === "-f";
  for (const name of words.filter((word) => !word.startsWith("-"))) {
    const [, list, subscript] = /^(\w+)\[(.+)\]$/s.exec(name) ?? [];
    if (functions) state.functions.delete(name);
    else if (list && subscript) await unsetElement(shell, list, subscript);
    else if (state.variables.has(name)) state.unset(name);
    else state.functions.delete(name);
  }
  return 0;
}

function option(state: ShellState, name: string, on: boolean): void {
  if (!Object.hasOwn(state.options, name)) {
    if (["posix", "monitor", "errtrace", "emacs", "vi", "notify"].includes(name)) return;
    throw new ShellError(`set: ${name}: no such option`, 2);
  }
  state.options[name as keyof ShellOptions] = on;
}

/** `set`, and the options that a shell is started with. Returns the operands that are left. */
export function setOptions(
  state: ShellState,
  words: readonly string[],
): readonly string[] | undefined {
  const rest = [...words];
  for (let word = rest[0]; word !== undefined; word = rest[0]) {
    if (word === "--") return rest.slice(1);
    if (!/^[-+]./.test(word)) return rest;
    rest.shift();
    const on = word.startsWith("-");
    for (const letter of word.slice(1)) {
      if (letter === "o") option(state, rest.shift() ?? "", on);
      else if (OPTION_LETTERS[letter]) option(state, OPTION_LETTERS[letter], on);
      else if (!"mhbivlE".includes(letter)) throw new ShellError(`illegal option -${letter}`, 2);
    }
  }
  return undefined;
}

async function set(shell: Shell, words: readonly string[], streams: Streams): Promise<number> {
  if (words.length === 0) {
    const lines = [...shell.state.variables].map(
      ([name]) => `${name}='${shell.state.get(name) ?? ""}'\n`,
    );
    return say(streams, lines.sort().join(""));
  }
  const positions = setOptions(shell.state, words);
  if (positions) shell.state.positions = positions;
  return 0;
}

function shift({ state }: Shell, words: readonly string[]): number {
  const by = number(words[0], 1);
  if (by > state.positions.length) return 1;
  state.positions = state.positions.slice(by);
  return 0;
}

async function read(shell: Shell, words: readonly string[], streams: Streams): Promise<number> {
  const raw = words.includes("-r");
  const names = words.filter((word, i) => !word.startsWith("-") && words[i - 1] !== "-p");
  let line = "";
  let found: string | undefined;
  do {
    found = await streams.get(0)?.line();
    line += found ?? "";
    if (raw || !/(^|[^\\])(\\\\)*\\\n$/.test(line)) break;
    line = line.slice(0, -2);
  } while (found !== undefined);
  const text = line.replace(/\n$/, "");
  const ifs = shell.state.get("IFS") ?? " \t\n";
  const targets = names.length > 0 ? names : ["REPLY"];
  const values = splitLine(raw ? text : text.replace(/\\(.)/g, "$1"), ifs, targets.length);
  for (const [i, name] of targets.entries()) shell.state.set(name, values[i] ?? "");
  return line.endsWith("\n") ? 0 : 1;
}

function getopts({ state }: Shell, words: readonly string[]): number {
  const [options = "", name = "", ...given] = words;
  const from = given.length > 0 ? given : state.positions;
  const [index, within] = [number(state.get("OPTIND"), 1), Number(state.get("_OPTOFFSET") ?? 1)];
  const word = from[index - 1];
  const letter = word?.[within];
  if (word === undefined || !/^-./.test(word) || word === "--" || letter === undefined) {
    if (word === "--") state.set("OPTIND", String(index + 1));
    state.set(name, "?");
    return 1;
  }
  const at = options.indexOf(letter);
  const ends = within + 1 >= word.length;
  let next = ends ? index + 1 : index;
  state.unset("OPTARG");
  if (at >= 0 && options[at + 1] === ":") {
    state.set("OPTARG", ends ? (from[index] ?? "") : word.slice(within + 1));
    next = ends ? index + 2 : index + 1;
  } else if (at < 0) state.set("OPTARG", letter);
  state.set(name, at < 0 ? "?" : letter);
  state.set("OPTIND", String(next));
  state.set("_OPTOFFSET", String(next === index ? within + 1 : 1));
  return 0;
}

// -- where it is, what it runs --------------------------------------------------------------------

async function source(shell: Shell, words: readonly string[], streams: Streams): Promise<number> {
  const [name = "", ...positions] = words;
  const path = name.includes("/") ? name : (sourced(shell, name) ?? name);
  let text: string;
  try {
    text =
      path === "/dev/stdin"
        ? ((await streams.get(0)?.text()) ?? "")
        : shell.context.files.readText(path);
  } catch (error) {
    throw new ShellError(`can't open '${name}': ${errorText(error)}`, 2);
  }
  const before = shell.state.positions;
  if (positions.length > 0) shell.state.positions = positions;
  try {
    return await shell.runSource(text, streams);
  } catch (error) {
    if (error instanceof Jump && error.kind === "return") return error.value;
    throw error;
  } finally {
    shell.state.positions = before;
  }
}

const sourced = (shell: Shell, name: string): string | undefined =>
  (shell.state.get("PATH") ?? "")
    .split(":")
    .map((directory) => `${directory}/${name}`)
    .find((path) => shell.context.files.kindOf(path) === "file");

/** `command -v`, `type`, `which` of the shell. */
async function describeCommand(
  shell: Shell,
  names: readonly string[],
  streams: Streams,
  sentence: boolean,
): Promise<number> {
  let code = 0;
  for (const name of names) {
    const path = pathOf(shell, name);
    const kind = shell.state.functions.has(name)
      ? "a function"
      : BUILTINS.has(name)
        ? "a shell builtin"
        : undefined;
    if (!kind && path === undefined) {
      code = 127;
      if (sentence) await say(streams, `${name}: not found\n`);
    } else if (sentence) await say(streams, `${name} is ${kind ?? path}\n`);
    else await say(streams, `${kind ? name : path}\n`);
  }
  return code;
}

async function command(shell: Shell, words: readonly string[], streams: Streams): Promise<number> {
  const [first, ...rest] = words;
  if (first === "-v") return describeCommand(shell, rest, streams, false);
  if (first === "-V") return describeCommand(shell, rest, streams, true);
  const [name, ...more] = first === "-p" ? rest : words;
  if (name === undefined) return 0;
  const builtin = BUILTINS.get(name);
  if (builtin) return builtin(shell, more, streams);
  await external(shell, [name, ...more], streams);
  return shell.state.status;
}

async function letBuiltin(shell: Shell, words: readonly string[]): Promise<number> {
  let value = 0n;
  for (const word of words) value = await shell.expansion.evaluateText(word);
  return value === 0n ? 1 : 0;
}

async function printfBuiltin(
  shell: Shell,
  words: readonly string[],
  streams: Streams,
): Promise<number> {
  const faults: string[] = [];
  await say(streams, printf(words, faults));
  for (const fault of faults) await shell.complain(streams, fault);
  return faults.length > 0 ? 1 : 0;
}

/** Nothing where there is no loop; of more loops than there are, all. */
const leaveLoops =
  (kind: "break" | "continue"): Builtin =>
  ({ state }, words) => {
    if (state.loops === 0) return 0;
    throw new Jump(kind, Math.min(number(words[0], 1), state.loops));
  };

const jump =
  (kind: Jump["kind"], otherwise: (shell: Shell) => number): Builtin =>
  (shell, words) => {
    throw new Jump(kind, number(words[0], otherwise(shell)) & (kind === "exit" ? 0xff : -1));
  };

export const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  [":", () => 0],
  ["true", () => 0],
  ["false", () => 1],
  ["echo", (_, words, streams) => say(streams, echo(words))],
  ["printf", printfBuiltin],
  ["test", (shell, words) => (test(shell.context, words) ? 0 : 1)],
  [
    "[",
    (shell, words) => {
      if (words.at(-1) !== "]") throw new ShellError("[: missing ]", 2);
      return test(shell.context, words.slice(0, -1)) ? 0 : 1;
    },
  ],
  ["cd", cd],
  ["pwd", pwd],
  [
    "export",
    (shell, words, streams) =>
      words.length === 0 || words[0] === "-p"
        ? listExported(shell, streams)
        : mark(shell, words, { exported: true }),
  ],
  ["readonly", (shell, words) => mark(shell, words, { readOnly: true })],
  ["local", local],
  ["declare", declare],
  ["typeset", declare],
  ["unset", unset],
  ["set", set],
  ["shift", shift],
  ["read", read],
  ["getopts", getopts],
  ["eval", (shell, words, streams) => shell.runSource(words.join(" "), streams)],
  [".", source],
  ["source", source],
  ["command", command],
  ["type", (shell, words, streams) => describeCommand(shell, words, streams, true)],
  ["umask", umask],
  ["let", letBuiltin],
  ["hash", () => 0],
  ["ulimit", ulimit],
  ["exit", jump("exit", ({ state }) => state.status)],
  ["return", jump("return", ({ state }) => state.status)],
  ["break", leaveLoops("break")],
  ["continue", leaveLoops("continue")],
  ["trap", trap],
  ["wait", wait],
  ["jobs", listJobs],
  ["kill", killJobs],
]);
