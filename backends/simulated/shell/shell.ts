// sh, bash, ash, dash: one shell, started as each of them is.

import { errorText } from "../error-text.ts";
import type { ProgramContext } from "../program.ts";
import { setOptions } from "./builtins.ts";
import { onlyCommand, Shell } from "./interpreter.ts";
import { ShellError, ShellState } from "./state.ts";
import { loadParser, type Parse, SyntaxFault } from "./syntax.ts";

interface Invocation {
  /** What to run; undefined reads standard input. */
  readonly source: string | undefined;
  readonly state: ShellState;
  readonly interactive: boolean;
}

/** `sh [-eux…] [-c SCRIPT [NAME [WORD…]] | FILE [WORD…] | -s [WORD…]]`. */
function invocation(context: ProgramContext): Invocation {
  const [name = "sh", ...words] = context.arguments;
  const flags: string[] = [];
  while (/^[-+]./.test(words[0] ?? "") && words[0] !== "--") {
    const flag = words.shift() as string;
    if (flag.startsWith("--")) continue; // --login, --norc
    flags.push(flag);
    if (flag.includes("o")) flags.push(words.shift() ?? "");
  }
  if (words[0] === "--") words.shift();
  const has = (letter: string): boolean =>
    flags.some((f) => /^-[^-]/.test(f) && f.includes(letter));
  const ours = flags.map((flag) => flag.replace(/[cs]/g, "")).filter((flag) => flag.length > 1);
  const state = new ShellState(name.replace(/^-/, ""), [], context.pid);
  for (const [variable, value] of Object.entries(context.environment)) {
    state.variables.set(variable, { value, exported: true, readOnly: false });
  }
  let source: string | undefined;
  if (has("c")) {
    source = words.shift();
    if (source === undefined) throw new ShellError("-c requires an argument", 2);
    state.name = words.shift() ?? state.name;
  } else if (!has("s") && words.length > 0) {
    const path = words.shift() as string;
    state.name = path;
    source = scriptText(context, path);
  }
  setOptions(state, ours);
  state.positions = words;
  return { source, state, interactive: source === undefined && (has("i") || context.interactive) };
}

function scriptText(context: ProgramContext, path: string): string {
  try {
    return context.files.readText(path);
  } catch (error) {
    const code = context.files.exists(path) ? 126 : 127;
    throw new ShellError(`can't open '${path}': ${errorText(error)}`, code);
  }
}

/**
 * The program behind all names of the shell; 2 for words that it does not know, 126 and 127 for a
 * script that it cannot read or find.
 */
export async function sh(context: ProgramContext): Promise<number> {
  let found: Invocation;
  try {
    found = invocation(context);
  } catch (error) {
    if (!(error instanceof ShellError)) throw error;
    await context.stderr.write(`${context.arguments[0]}: ${error.message}\n`);
    return error.code;
  }
  const { state, source, interactive } = found;
  const parse = await context.outside(loadParser());
  const shell = new Shell(context, state, parse);
  state.directory = context.files.workingDirectory();
  state.set("PWD", state.directory);
  state.set("OPTIND", "1");
  if (state.get("PATH") === undefined) {
    state.set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  }
  if (interactive) return converse(shell, parse);
  return shell.main(async () => {
    const text = source ?? (await context.stdin.text());
    const [only, ...others] = parse(text).statements;
    const command = others.length === 0 && !only?.background ? onlyCommand(only) : undefined;
    // `sh -c 'one command'` becomes the command, as bash's and dash's do.
    if (command && source !== undefined) return shell.command(command, shell.streams, true);
    return shell.runSource(text);
  });
}

/** Reads commands as they are typed, one line or as many as a command has. */
async function converse(shell: Shell, parse: Parse): Promise<number> {
  const { context, state } = shell;
  const prompt = state.get("PS1") ?? (context.credentials.uid === 0 ? "# " : "$ ");
  context.handle("INT", () => {}); // for what runs in front of it
  let source = "";
  for (;;) {
    await context.stderr.write(source === "" ? prompt : (state.get("PS2") ?? "> "));
    const line = await context.stdin.line();
    if (line === undefined) break;
    source += line;
    try {
      parse(source);
    } catch (error) {
      if (error instanceof SyntaxFault && error.unfinished) continue;
    }
    const text = source;
    source = "";
    if ((await shell.guard(() => shell.runSource(text))) === "exit") break;
  }
  return shell.main(async () => {});
}
