// test(1) and [(1) as programs.

import type { ProgramContext } from "../program.ts";
import { test } from "./condition.ts";
import { ShellError } from "./state.ts";

export async function testTool(context: ProgramContext): Promise<number> {
  const [name = "", ...words] = context.arguments;
  try {
    if (name.endsWith("[") && words.pop() !== "]") throw new ShellError("[: missing ]", 2);
    return test(context, words) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof ShellError)) throw error;
    await context.stderr.write(`${error.message}\n`);
    return error.code;
  }
}
