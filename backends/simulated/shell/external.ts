// Programs that a shell executes: found in PATH, run as processes, or said to be missing.

import { errnoOf } from "../errno.ts";
import { errorText } from "../error-text.ts";
import { Shell } from "./interpreter.ts";
import { Jump } from "./jump.ts";
import type { Streams } from "./redirection.ts";
import { ShellState } from "./state.ts";

/** Runs a program and waits for it. */
export async function external(
  shell: Shell,
  words: readonly string[],
  streams: Streams,
  environment: Record<string, string> = shell.state.environment(),
  replace = false,
): Promise<void> {
  const [stdin, stdout, stderr] = [0, 1, 2].map((number) => streams.get(number));
  const options = {
    environment,
    ...(stdin && { stdin }),
    ...(stdout && { stdout }),
    ...(stderr && { stderr }),
  };
  try {
    if (replace && shell.state.traps.size === 0) await shell.context.execute(words, options);
    const child = await shell.context.spawn(words, options);
    shell.state.status = await child.exited;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    if (errno === "ENOEXEC" && (await runScript(shell, words, streams))) return;
    await shell.complain(streams, `${words[0]}: ${startFailure(error)}`);
    shell.state.status = errno === "ENOENT" || errno === "ENOTDIR" ? 127 : 126;
  }
}

/** A text without `#!` that is executed is a script of this shell. */
async function runScript(
  shell: Shell,
  words: readonly string[],
  streams: Streams,
): Promise<boolean> {
  const path = pathOf(shell, words[0] ?? "");
  const head = path === undefined ? "\0" : shell.context.files.readText(path);
  if (path === undefined || head.slice(0, 256).includes("\0") || head.startsWith("\u007fELF")) {
    return false;
  }
  const child = shell.fork(({ context, state: own }) => {
    const state = new ShellState(path, words.slice(1), context.pid);
    for (const [name, variable] of own.variables) {
      if (variable.exported) state.variables.set(name, variable);
    }
    const script = new Shell(context, state, shell.parse);
    return script
      .main(() => script.runSource(head))
      .then((code) => {
        throw new Jump("exit", code);
      });
  }, streams);
  shell.state.status = await child.exited;
  return true;
}

/** Where a command is found: in PATH, or by its path. */
export function pathOf(shell: Shell, name: string): string | undefined {
  const { files } = shell.context;
  const paths = name.includes("/")
    ? [name]
    : (shell.state.get("PATH") ?? "").split(":").map((directory) => `${directory || "."}/${name}`);
  return paths.find((path) => files.kindOf(path) === "file" && files.access(path, "execute"));
}

function startFailure(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === "ENOENT") return "not found";
  return errno === "ENOEXEC"
    ? "machine code, of which the simulated kernel executes none"
    : errorText(error);
}
