// How an error is said: what failed and why on one line, what to do about it on the next.

import { NacreError } from "@nacre/core/error.ts";
import type { UnknownWord } from "./flag-error.ts";
import { neutraliseLines } from "./text/escape.ts";

/** The words of a command line mean nothing; `command` is as the help knows it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** `nacre run`, for "See 'nacre run --help'." */
  readonly command: string;
  readonly exitCode: number;
  /** Where a word was none: which, and what there is. */
  readonly unknown: UnknownWord | undefined;

  constructor(message: string, command: string, exitCode: number, unknown?: UnknownWord) {
    super(message);
    this.command = command;
    this.exitCode = exitCode;
    this.unknown = unknown;
  }
}

/**
 * The lines for standard error. `debug` adds the chain of causes with their stacks; `hint` is for
 * a person who typed a word that is none.
 */
export function describeFailure(error: unknown, debug: boolean, hint?: string): string {
  const lines: string[] = [];
  if (error instanceof UsageError) {
    lines.push(error.message);
    if (hint !== undefined) lines.push(hint);
    lines.push(`See '${error.command} --help'.`);
  } else if (error instanceof NacreError) {
    lines.push(`nacre: ${error.message}`);
    if (error.advice !== undefined) lines.push(error.advice);
    if (error.kind === "internal") lines.push(...report(error));
  } else {
    lines.push(`nacre: a defect of Nacre: ${messageOf(error)}`, ...report(error));
  }
  if (debug) lines.push(...causes(error));
  return `${neutraliseLines(lines.join("\n"))}\n`;
}

/** 127 and 126 are the container's command's; the rest is `failure`. */
export function exitCodeOf(error: unknown, failure: number): number {
  if (error instanceof UsageError) return error.exitCode;
  if (error instanceof NacreError) {
    if (error.kind === "command-not-found") return 127;
    if (error.kind === "command-not-executable") return 126;
  }
  return failure;
}

function report(error: unknown): string[] {
  const stack = error instanceof Error ? error.stack : undefined;
  return [
    "Please report it with the lines below and what you did.",
    ...(stack?.split("\n").slice(1, 6) ?? []),
  ];
}

function causes(error: unknown): string[] {
  const lines: string[] = [];
  let next: unknown = error;
  for (let depth = 0; next !== undefined && depth < 16; depth++) {
    const operation = next instanceof NacreError ? next.operation : undefined;
    if (operation !== undefined) lines.push(`  operation: ${operation}`);
    if (next instanceof Error && next.stack !== undefined) lines.push(next.stack);
    else lines.push(typeof next === "string" ? next : stringified(next));
    next = next instanceof Error ? next.cause : undefined;
    if (next !== undefined) lines.push("caused by:");
  }
  return lines;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : stringified(error);
}

function stringified(value: unknown): string {
  const plain = (_: string, each: unknown) => (typeof each === "bigint" ? `${each}` : each);
  return JSON.stringify(value, plain) ?? String(value);
}
