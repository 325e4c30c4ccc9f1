// The programs that every simulated machine has in /bin, without which no example can do.

import { errorText } from "./error-text.ts";
import type { ProgramContext, SimulatedProgram } from "./program.ts";

async function echo({ arguments: [, ...words], stdout }: ProgramContext): Promise<void> {
  const bare = words[0] === "-n";
  await stdout.write(`${words.slice(bare ? 1 : 0).join(" ")}${bare ? "" : "\n"}`);
}

async function cat(context: ProgramContext): Promise<number> {
  const { stdin, stdout, stderr } = context;
  const [, ...names] = context.arguments;
  let code = 0;
  for (const name of names.length > 0 ? names : ["-"]) {
    try {
      const from = name === "-" ? stdin : context.open(name, { read: true });
      for (let chunk = await from.read(); chunk; chunk = await from.read()) {
        await stdout.write(chunk);
      }
      if (name !== "-") from.close();
    } catch (error) {
      await stderr.write(`cat: ${name}: ${errorText(error)}\n`);
      code = 1;
    }
  }
  return code;
}

/** As long as timers can wait. */
const FOREVER_MS = 2 ** 31 - 1;
const UNITS_MS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** As coreutils have it: the sum of its arguments, each with a unit. */
async function sleep(context: ProgramContext): Promise<number> {
  const [, ...words] = context.arguments;
  let totalMs = 0;
  for (const word of words) {
    const [, number, unit = "s"] = /^(\d+\.?\d*|\.\d+|inf(?:inity)?)([smhd]?)$/.exec(word) ?? [];
    if (number === undefined) {
      await context.stderr.write(`sleep: invalid time interval '${word}'\n`);
      return 1;
    }
    const amount = number.startsWith("inf") ? FOREVER_MS : Number(number);
    totalMs += amount * (UNITS_MS[unit] ?? 1e3);
  }
  if (words.length === 0) {
    await context.stderr.write("sleep: missing operand\n");
    return 1;
  }
  await context.sleep(Math.min(totalMs, FOREVER_MS));
  return 0;
}

export const BUILT_IN: ReadonlyMap<string, SimulatedProgram> = new Map<string, SimulatedProgram>([
  ["true", () => 0],
  ["false", () => 1],
  ["echo", echo],
  ["cat", cat],
  ["sleep", sleep],
]);
