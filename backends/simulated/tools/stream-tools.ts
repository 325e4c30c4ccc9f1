// Tools that must not wait for the end of their input, which may never come.

import type { ProgramContext } from "../program.ts";
import { parseOptions, UsageFault } from "./options.ts";
import { forEach, tool } from "./tool.ts";

export const tee = tool(async (context) => {
  const { flags, operands } = parseOptions(context.arguments.slice(1), "ai");
  const how = {
    write: true,
    create: true,
    ...(flags.has("a") ? { append: true } : { truncate: true }),
  };
  const targets = [context.stdout];
  const code = await forEach(context, operands, (path) => {
    targets.push(context.open(path, how));
  });
  for (let chunk = await context.stdin.read(); chunk; chunk = await context.stdin.read()) {
    for (const target of targets) await target.write(chunk);
  }
  return code;
});

async function headOf(
  context: ProgramContext,
  from: ProgramContext["stdin"],
  limit: { readonly lines?: number; readonly bytes?: number },
): Promise<void> {
  if (limit.bytes !== undefined) {
    for (let left = limit.bytes; left > 0; ) {
      const chunk = await from.read();
      if (!chunk) return;
      await context.stdout.write(chunk.subarray(0, left));
      left -= chunk.length;
    }
    return;
  }
  for (let left = limit.lines ?? 10; left > 0; left--) {
    const line = await from.line();
    if (line === undefined) return;
    await context.stdout.write(line);
  }
}

export const head = tool(async (context) => {
  const words = context.arguments.slice(1).map((word) => word.replace(/^-(\d+)$/, "-n$1"));
  const { values, operands } = parseOptions(words, "qv", "nc", { lines: "n", bytes: "c" });
  const number = (letter: string): number | undefined => {
    const value = values.get(letter);
    if (value !== undefined && !/^\d+$/.test(value))
      throw new UsageFault(`invalid number: '${value}'`);
    return value === undefined ? undefined : Number(value);
  };
  const [lines, bytes] = [number("n"), number("c")];
  const limit = { ...(lines !== undefined && { lines }), ...(bytes !== undefined && { bytes }) };
  const paths = operands.length > 0 ? operands : ["-"];
  return forEach(context, paths, async (path) => {
    if (paths.length > 1) await context.stdout.write(`==> ${path} <==\n`);
    const from = path === "-" ? context.stdin : context.open(path, { read: true });
    await headOf(context, from, limit);
    if (path !== "-") from.close();
  });
});

export const yes = tool(async (context) => {
  const line = `${context.arguments.slice(1).join(" ") || "y"}\n`.repeat(512);
  for (;;) await context.stdout.write(line);
});
