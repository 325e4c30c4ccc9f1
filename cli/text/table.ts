// Columns as docker's tables have them: at least ten wide, three spaces between, nothing after
// the last.

const MINIMUM_WIDTH = 10;
const PADDING = 3;

/** Lines, each ended by a newline. Cells must be neutralised by the caller. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.slice(0, -1).entries()) {
      const width = Math.max(characters(cell) + PADDING, MINIMUM_WIDTH);
      widths[column] = Math.max(widths[column] ?? 0, width);
    }
  }
  return rows
    .map((row) => `${row.map((cell, i) => pad(cell, widths[i], i, row)).join("")}\n`)
    .join("");
}

function pad(cell: string, width: number | undefined, column: number, row: readonly string[]) {
  const last = column === row.length - 1;
  return last || width === undefined ? cell : cell + " ".repeat(width - characters(cell));
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** At most `length` characters; the last one an ellipsis where something was cut. */
export function ellipsis(text: string, length: number): string {
  const all = [...text];
  return all.length <= length ? text : `${all.slice(0, length - 1).join("")}…`;
}
