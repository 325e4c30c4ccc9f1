// A program as people read it: `nacre explain`, and what other commands print with --explain.

import { printProgram } from "@nacre/core/program/printer.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { Host } from "./host.ts";

/**
 * As wide as the terminal, in colour where there is one and NO_COLOR is not set; ends with a line
 * feed.
 */
export function printedProgram(program: KernelProgram, host: Host): string {
  const colour = host.isTerminal(1) && !host.environment.NO_COLOR;
  return `${printProgram(program, { columns: host.columns(), colour }).trimEnd()}\n`;
}
