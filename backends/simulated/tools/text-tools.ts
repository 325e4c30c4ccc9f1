// The usual tools on text and trees (grep, sed, awk, find, sort, …) are just-bash's: each runs in
// a process of the simulated kernel, on its tree and its streams.

import type { CustomCommand, ExecResult } from "just-bash";
import type { ProgramContext, SimulatedProgram } from "../program.ts";
import { TOOLS, ToolFiles } from "./tool-files.ts";

/** Those that read standard input where no operand names a file. */
const FILTERS = new Set([
  "grep",
  "egrep",
  "fgrep",
  "sed",
  "awk",
  "sort",
  "uniq",
  "comm",
  "cut",
  "paste",
  "rev",
  "nl",
  "fold",
  "expand",
  "unexpand",
  "strings",
  "split",
  "column",
  "join",
  "tail",
  "tac",
  "wc",
  "base64",
  "md5sum",
  "sha1sum",
  "sha256sum",
  "od",
  "jq",
  "diff",
  "xargs",
]);
/** Their first operand is no file. */
const PATTERN_FIRST = new Set(["grep", "egrep", "fgrep", "sed", "awk", "jq"]);

/** What just-bash has and the simulated kernel takes from it. */
export const TEXT_TOOLS: readonly string[] = [
  ...FILTERS,
  "mkdir",
  "rmdir",
  "rm",
  "cp",
  "mv",
  "ln",
  "chmod",
  "readlink",
  "stat",
  "find",
  "basename",
  "dirname",
  "tree",
  "du",
  "seq",
  "expr",
  "file",
  "which",
  "rg",
  "clear",
].filter((name) => name !== "xargs");

/** Reading takes what somebody types: only who needs it does. */
function readsInput(
  { arguments: [name = "", ...words], files }: ProgramContext,
  tool: string,
): boolean {
  if (!FILTERS.has(tool)) return false;
  if (name === "" || words.includes("-")) return true;
  const operands = words.filter((word) => !word.startsWith("-"));
  const scripted = words.some((word) => /^-[ef]/.test(word));
  const paths = PATTERN_FIRST.has(tool) && !scripted ? operands.slice(1) : operands;
  return !paths.some((path) => files.kindOf(path) !== undefined);
}

const latin = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};

function outputOf({ stdout, stdoutKind, stdoutEncoding }: ExecResult): string | Uint8Array {
  const binary = stdoutKind === "bytes" || stdoutEncoding === "binary";
  return binary ? Uint8Array.from(stdout, (character) => character.charCodeAt(0)) : stdout;
}

/** What a tool runs in its turn (`find -exec`) is a program of this machine, in a process. */
function commands(context: ProgramContext, except: string): CustomCommand[] {
  const names = new Set<string>();
  for (const directory of (context.environment.PATH ?? "").split(":")) {
    if (context.files.kindOf(directory) !== "directory") continue;
    for (const name of context.files.list(directory)) names.add(name);
  }
  names.delete(except);
  return [...names].map((name) => ({
    name,
    execute: async (words) => {
      const out = context.pipe();
      const child = await context.spawn([name, ...words], { stdout: out.output });
      out.output.close();
      const stdout = latin(await out.input.bytes());
      return { stdout, stdoutKind: "bytes", stderr: "", exitCode: await child.exited };
    },
  }));
}

/**
 * A tool of just-bash's as a program. Its input is read whole before it begins, and what it says
 * comes when it has ended.
 */
export const textTool =
  (tool: string): SimulatedProgram =>
  async (context) => {
    const { Bash } = await context.outside(import("just-bash/browser"));
    const executes = context.arguments.some((word) => /^-(exec|execdir|ok)$/.test(word));
    const others = executes ? commands(context, tool) : [];
    const bash = new Bash({
      fs: new ToolFiles(context, [tool, ...others.map(({ name }) => name)]),
      cwd: context.files.workingDirectory(),
      env: { ...context.environment, PATH: TOOLS },
      commands: [tool as "sed"],
      customCommands: others,
      defenseInDepth: false,
      sleep: (delayMs) => context.sleep(delayMs),
    });
    const stdin = readsInput(context, tool) ? latin(await context.stdin.bytes()) : "";
    const result = await bash.exec(tool, {
      args: context.arguments.slice(1),
      stdin,
      stdinKind: "bytes",
      rawScript: true,
      signal: context.signal,
    });
    await context.stdout.write(outputOf(result));
    await context.stderr.write(result.stderr);
    return result.exitCode;
  };
