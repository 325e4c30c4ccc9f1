// What is wrong with a Dockerfile, told as a compiler tells it: file, line, column, and the line.

import { NacreError } from "../error.ts";

/** Where something stands in a Dockerfile; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A Dockerfile's text with what it is called in messages. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

/** Says already where in a Dockerfile it belongs. */
export class PlacedError extends NacreError {}

/** NacreError `invalid`: `Dockerfile:3:5: reason`, and below it the line with a mark under the column. */
export function dockerfileFault(
  source: Source,
  place: Place,
  reason: string,
  advice?: string,
): PlacedError {
  return new PlacedError(
    "invalid",
    `${source.name}:${place.line}:${place.column}: ${reason}\n${shownLine(source, place)}`,
    advice === undefined ? {} : { advice },
  );
}

/**
 * The same of something that failed in carrying out what stands there: its kind stays. What is
 * placed already, or a defect, comes back as it is.
 */
export function failedAt(source: Source, place: Place, error: unknown): unknown {
  if (!(error instanceof NacreError) || error instanceof PlacedError) return error;
  const { kind, message, advice, errno } = error;
  const where = `${source.name}:${place.line}:${place.column}`;
  return new PlacedError(kind, `${where}: ${message}\n${shownLine(source, place)}`, {
    ...(advice !== undefined && { advice }),
    ...(errno !== undefined && { errno }),
    cause: error,
  });
}

/** A line of a Dockerfile with its number, and a mark below the column. */
function shownLine({ text }: Source, { line, column }: Place): string {
  const shown = (text.split("\n")[line - 1] ?? "").replace(/\r$/, "").replace(/\t/g, " ");
  const number = `${line} | `;
  return `  ${number}${shown}\n  ${" ".repeat(number.length + column - 1)}^`;
}
