// How a tool of ours runs: it says what it could not do, about each operand, and goes on.

import { errnoOf } from "../errno.ts";
import { errorText } from "../error-text.ts";
import type { ProgramContext, SimulatedProgram } from "../program.ts";
import { UsageFault } from "./options.ts";

/** A tool whose mistakes of use end it with 1 and a line on standard error. */
export const tool =
  (work: (context: ProgramContext) => Promise<number> | Promise<void> | number): SimulatedProgram =>
  async (context) => {
    try {
      return (await work(context)) ?? 0;
    } catch (error) {
      const known = error instanceof UsageFault || errnoOf(error) !== undefined;
      if (!known) throw error;
      const text = error instanceof UsageFault ? error.message : errorText(error);
      await context.stderr.write(`${context.arguments[0]}: ${text}\n`);
      return 1;
    }
  };

/** Does something with each; what fails is said and makes the exit code 1. */
export async function forEach(
  context: ProgramContext,
  operands: readonly string[],
  work: (operand: string) => void | Promise<void>,
): Promise<number> {
  let code = 0;
  for (const operand of operands) {
    try {
      await work(operand);
    } catch (error) {
      await context.stderr.write(`${context.arguments[0]}: ${operand}: ${errorText(error)}\n`);
      code = 1;
    }
  }
  return code;
}

/** Names of users or groups by number, from /etc/passwd and /etc/group. */
export function accounts(
  { files }: ProgramContext,
  file: "passwd" | "group",
): { name(id: number): string; id(name: string): number } {
  const path = `/etc/${file}`;
  const text = files.access(path, "read") ? files.readText(path) : "";
  const rows = text.split("\n").map((line) => line.split(":"));
  return {
    name: (id) => rows.find((row) => row[2] === String(id))?.[0] ?? String(id),
    id: (name) => {
      const found = rows.find((row) => row[0] === name)?.[2] ?? name;
      if (!/^\d+$/.test(found))
        throw new UsageFault(`invalid ${file === "passwd" ? "user" : "group"}: '${name}'`);
      return Number(found);
    },
  };
}
