// The programs that an image's files are taken for: a shell and the usual tools, known by the
// names that distributions give them. What is executed is decided by the file that is found; its
// machine code is not.

import { BUILT_IN } from "./built-in.ts";
import type { ProgramContext, SimulatedProgram } from "./program.ts";
import { echo } from "./shell/formatting.ts";
import { sh } from "./shell/shell.ts";
import { printfTool, testTool } from "./shell/test-tool.ts";
import * as fileTools from "./tools/file-tools.ts";
import { ls } from "./tools/list-files.ts";
import * as mountTools from "./tools/mount-tools.ts";
import * as processTools from "./tools/process-tools.ts";
import * as streamTools from "./tools/stream-tools.ts";
import * as terminalTools from "./tools/terminal-tools.ts";
import { TEXT_TOOLS, textTool } from "./tools/text-tools.ts";
import { tool } from "./tools/tool.ts";
import { tr } from "./tools/translate.ts";

const TOOLS: ReadonlyMap<string, SimulatedProgram> = new Map([
  ...TEXT_TOOLS.map((name) => [name, textTool(name)] as const),
  ...["sh", "bash", "ash", "dash"].map((name) => [name, sh] as const),
  ...Object.entries(fileTools).filter(isProgram),
  ...Object.entries(mountTools),
  ...Object.entries(processTools),
  ...Object.entries(streamTools),
  ...Object.entries(terminalTools),
  ["ls", ls],
  ["tr", tr],
  ["gawk", textTool("awk")],
  ["mawk", textTool("awk")],
  ["test", testTool],
  ["[", testTool],
  ["printf", tool(printfTool)],
  ["pwd", tool((context) => context.stdout.write(`${context.files.workingDirectory()}\n`))],
  ["sync", () => 0],
  ...BUILT_IN,
  ["echo", tool((context) => context.stdout.write(echo(context.arguments.slice(1))))],
]);

function isProgram(entry: [string, unknown]): entry is [string, SimulatedProgram] {
  return entry[0] !== "sizeBytes";
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** busybox, toybox, coreutils: one file under many names, or called with the name of one. */
async function manyInOne(context: ProgramContext): Promise<number> {
  const [path = "", first, ...rest] = context.arguments;
  const own = TOOLS.get(nameOf(path));
  if (own) return (await own(context)) ?? 0;
  if (first === undefined || first === "--list") {
    await context.stdout.write(
      [...TOOLS.keys()]
        .sort()
        .map((name) => `${name}\n`)
        .join(""),
    );
    return 0;
  }
  const program = TOOLS.get(first);
  if (program) return (await program({ ...context, arguments: [first, ...rest] })) ?? 0;
  await context.stderr.write(`${first}: applet not found\n`);
  return 127;
}

export const STANDARD_PROGRAMS: ReadonlyMap<string, SimulatedProgram> = new Map([
  ...TOOLS,
  ...["busybox", "toybox", "coreutils"].map((name) => [name, manyInOne] as const),
]);
