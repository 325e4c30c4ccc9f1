// cd, pwd and umask: what a process has of the file system, changed by its shell.

import { errorText } from "../error-text.ts";
import type { Shell } from "./interpreter.ts";
import type { Streams } from "./redirection.ts";
import { ShellError } from "./state.ts";

/** `..` takes away the name before it, whatever that leads to (POSIX, cd, step 8). */
function joined(directory: string, path: string): string {
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${directory}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

export async function cd(
  shell: Shell,
  words: readonly string[],
  streams: Streams,
): Promise<number> {
  const { state, context } = shell;
  const operands = words.filter((word) => !/^-[LP]$/.test(word));
  const wanted = operands[0] ?? state.get("HOME") ?? "/";
  const target = wanted === "-" ? (state.get("OLDPWD") ?? ".") : wanted;
  const physical = words.includes("-P");
  try {
    context.files.changeDirectory(physical ? target : joined(state.directory, target));
  } catch (error) {
    throw new ShellError(`cd: can't cd to ${target}: ${errorText(error)}`);
  }
  state.set("OLDPWD", state.directory);
  state.directory = physical ? context.files.workingDirectory() : joined(state.directory, target);
  state.set("PWD", state.directory);
  if (wanted === "-") await streams.get(1)?.write(`${state.directory}\n`);
  return 0;
}

export async function pwd(
  { state, context }: Shell,
  words: readonly string[],
  streams: Streams,
): Promise<number> {
  const physical = words.includes("-P");
  const directory = physical ? context.files.workingDirectory() : state.directory;
  await streams.get(1)?.write(`${directory}\n`);
  return 0;
}

/** What the mask leaves of rwx, for a digit of it. */
const left = (digit: number): string =>
  ["r", "w", "x"].filter((_, i) => !(digit & (4 >> i))).join("");

export async function umask(
  { context: { files } }: Shell,
  words: readonly string[],
  streams: Streams,
): Promise<number> {
  const [mask] = words;
  if (mask === undefined) {
    await streams.get(1)?.write(`${files.umask.toString(8).padStart(4, "0")}\n`);
  } else if (mask === "-S") {
    const [u, g, o] = [6, 3, 0].map((shift) => left((files.umask >> shift) & 7));
    await streams.get(1)?.write(`u=${u},g=${g},o=${o}\n`);
  } else if (/^[0-7]+$/.test(mask)) files.umask = Number.parseInt(mask, 8) & 0o777;
  else throw new ShellError(`umask: illegal mode: ${mask}`, 2);
  return 0;
}
