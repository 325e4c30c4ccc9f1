// Rows as a table for a terminal.

import type { Row } from "./harness.ts";

function figure(value: number | undefined, unit: Row["unit"]): string {
  if (value === undefined) return "–";
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`;
}

function verdict(row: Row): string {
  if (row.ratio === undefined) return "";
  return row.ratio <= row.atMost ? "reached" : "MISSED";
}

/** How far our side is from what it cannot be faster than. */
function distance({ ours, limits = [] }: Row): string {
  if (ours === undefined || limits.length === 0) return "";
  const each = limits.map(
    ({ what, ms }) => `${(ours / ms).toFixed(1)}× ${what} (${figure(ms, "ms")})`,
  );
  return `ours is ${each.join(", ")}`;
}

function cells(row: Row): string[] {
  return [
    row.work,
    figure(row.ours, row.unit),
    figure(row.theirs, row.unit),
    row.ratio === undefined ? "–" : `${row.ratio.toFixed(2)}×`,
    `${row.atMost}×`,
    verdict(row),
    row.peer,
  ];
}

/** The table, and below it what must be known about single rows. */
export function table(rows: readonly Row[]): string {
  const head = ["work", "nacre", "peer", "ratio", "at most", "", "against"];
  const lines = [head, ...rows.map(cells)];
  const widths = head.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? "").length)));
  const text = lines.map((line) =>
    line
      .map((cell, i) =>
        i > 0 && i < 5 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  const notes = rows.flatMap((row) => {
    const result = row.hash === undefined ? "" : `result ${row.hash}`;
    const said = [result, distance(row), row.reason ?? ""];
    const note = said.filter(Boolean).join("; ");
    return note === "" ? [] : [`  ${row.work} / ${row.peer.split(" ")[0]}: ${note}`];
  });
  return [...text, ...notes].join("\n");
}
