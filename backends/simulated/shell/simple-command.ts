// Simple commands (POSIX 2.9.1): assignments, redirections, and a function, a builtin or a program.

import { errnoOf } from "../errno.ts";
import { errorText } from "../error-text.ts";
import { BUILTINS, type Builtin, DECLARATIONS, SPECIAL_BUILTINS } from "./builtins.ts";
import { external } from "./external.ts";
import type { Shell } from "./interpreter.ts";
import { Jump } from "./jump.ts";
import { redirect, type Streams } from "./redirection.ts";
import { ShellError, type ShellFunction, type Variable } from "./state.ts";
import type { Assignment, Simple, WordNode } from "./syntax.ts";

/** Expands, redirects, and calls what the first word names. */
export async function simple(
  shell: Shell,
  node: Simple,
  streams: Streams,
  replace: boolean,
): Promise<void> {
  shell.substituted = 0;
  const words = await expandWords(shell, node);
  const [name] = words;
  if (name === undefined) {
    await shell.redirected(node.redirections, streams, async () => {
      for (const assignment of node.assignments) await assign(shell, assignment);
      shell.state.status = shell.substituted;
    });
    return;
  }
  if (shell.state.options.xtrace) {
    await streams.get(2)?.write(`${shell.state.get("PS4") ?? "+ "}${words.join(" ")}\n`);
  }
  if (name === "exec") return exec(shell, node, words.slice(1), streams);
  await shell.redirected(node.redirections, streams, (inner) =>
    call(shell, node, words, inner, replace),
  );
}

/** `export A=$b` assigns, and is not split. */
async function expandWords(shell: Shell, node: Simple): Promise<string[]> {
  const all = node.name ? [node.name, ...node.args] : node.args;
  const [first, ...rest] = all;
  if (!first) return [];
  const names = await shell.expansion.fields([first]);
  if (!DECLARATIONS.has(names[0] ?? "")) return [...names, ...(await shell.expansion.fields(rest))];
  const words = [...names];
  for (const word of rest) {
    if (isAssignment(word)) words.push(await shell.expansion.text(word));
    else words.push(...(await shell.expansion.fields([word])));
  }
  return words;
}

async function call(
  shell: Shell,
  node: Simple,
  words: readonly string[],
  streams: Streams,
  replace: boolean,
): Promise<void> {
  const name = words[0] as string;
  const made = shell.state.functions.get(name);
  const builtin = made ? undefined : BUILTINS.get(name);
  if (!made && !builtin) {
    const own: Record<string, string> = {};
    for (const { name: variable, value } of node.assignments) {
      own[variable] = value ? await shell.expansion.text(value) : "";
    }
    await external(shell, words, streams, { ...shell.state.environment(), ...own }, replace);
    return;
  }
  const before = new Map<string, Variable | undefined>();
  for (const assignment of node.assignments) {
    const known = shell.state.variables.get(assignment.name);
    before.set(assignment.name, known && { ...known });
    await assign(shell, assignment);
    shell.state.mark(assignment.name, { exported: true });
  }
  try {
    if (builtin) shell.state.status = await callBuiltin(shell, builtin, words, streams);
    else if (made) await callFunction(shell, made, words, streams);
  } finally {
    if (!SPECIAL_BUILTINS.has(name)) restore(shell, before);
  }
}

/** An error of it ends the shell, as in dash (POSIX 2.8.1). */
const isFatal = (name: string): boolean =>
  name === "local" || (name !== "trap" && SPECIAL_BUILTINS.has(name));

/** A write of it that fails is its failure. */
async function callBuiltin(
  shell: Shell,
  builtin: Builtin,
  words: readonly string[],
  streams: Streams,
): Promise<number> {
  try {
    return await builtin(shell, words.slice(1), streams);
  } catch (error) {
    const [name = ""] = words;
    if (error instanceof ShellError && !isFatal(name)) {
      await shell.complain(streams, error.message);
      return error.code;
    }
    if (errnoOf(error) === undefined) throw error;
    await shell.complain(streams, `${words[0]}: write error: ${errorText(error)}`);
    return 1;
  }
}

function restore(shell: Shell, before: ReadonlyMap<string, Variable | undefined>): void {
  for (const [name, variable] of before) {
    if (variable) shell.state.variables.set(name, variable);
    else shell.state.variables.delete(name);
  }
}

async function callFunction(
  shell: Shell,
  made: ShellFunction,
  words: readonly string[],
  streams: Streams,
): Promise<void> {
  const { positions, loops } = shell.state;
  shell.state.loops = 0;
  shell.state.positions = words.slice(1);
  shell.state.hidden.push(new Map());
  try {
    await shell.redirected(made.redirections, streams, (inner) => shell.command(made.body, inner));
  } catch (error) {
    if (!(error instanceof Jump && error.kind === "return")) throw error;
    shell.state.status = error.value;
  } finally {
    shell.state.uncover();
    shell.state.positions = positions;
    shell.state.loops = loops;
  }
}

async function assign(shell: Shell, assignment: Assignment): Promise<void> {
  const { name, value, append, array } = assignment;
  const [, list, subscript] = /^(\w+)\[(.+)\]$/s.exec(name) ?? [];
  if (array) {
    const before = append ? (shell.state.variables.get(name)?.value ?? []) : [];
    const items = Array.isArray(before) ? before : [before];
    shell.state.variables.delete(name);
    shell.state.set(name, [...items, ...(await shell.expansion.fields(array))]);
    return;
  }
  const text = value ? await shell.expansion.text(value) : "";
  if (list !== undefined && subscript !== undefined) {
    const known = shell.state.variables.get(list)?.value;
    const items = Array.isArray(known) ? [...known] : known === undefined ? [] : [known];
    items[Number(await shell.expansion.evaluateText(subscript))] = text;
    shell.state.set(list, items);
  } else shell.state.set(name, append ? `${shell.state.get(name) ?? ""}${text}` : text);
}

async function exec(
  shell: Shell,
  node: Simple,
  words: readonly string[],
  streams: Streams,
): Promise<void> {
  const redirected = await redirect(shell, node.redirections, streams);
  if (words.length > 0) {
    await external(shell, words, redirected.streams, shell.state.environment(), true);
    throw new Jump("exit", shell.state.status);
  }
  streams.clear();
  for (const [number, stream] of redirected.streams) streams.set(number, stream);
  shell.state.status = 0;
}
function isAssignment(word: WordNode): boolean {
  const [first] = word.parts;
  return first?.type === "Literal" && /^\w+\+?=/.test(first.value);
}
