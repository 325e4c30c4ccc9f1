// test(1), [(1) and printf(1) as programs.

import type { ProgramContext } from "../program.ts";
import { test } from "./condition.ts";
import { printf } from "./formatting.ts";
import { ShellError } from "./state.ts";

/** What the shell would complain of is the program's failure. */
async function complaining(
  context: ProgramContext,
  work: () => number | Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ShellError)) throw error;
    await context.stderr.write(`${error.message}\n`);
    return error.code;
  }
}

export function testTool(context: ProgramContext): Promise<number> {
  return complaining(context, () => {
    const [name = "", ...words] = context.arguments;
    if (name.endsWith("[") && words.pop() !== "]") throw new ShellError("[: missing ]", 2);
    return test(context, words) ? 0 : 1;
  });
}

export function printfTool(context: ProgramContext): Promise<number> {
  return complaining(context, async () => {
    const faults: string[] = [];
    await context.stdout.write(printf(context.arguments.slice(1), faults));
    for (const fault of faults) await context.stderr.write(`${fault}\n`);
    return faults.length > 0 ? 1 : 0;
  });
}
