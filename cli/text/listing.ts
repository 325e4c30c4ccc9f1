// Lists of things: as a table, as JSON (one object a line), or through a template.
//
//   --format table              the table, which is also the default
//   --format json               one JSON object a line
//   --format 'TEMPLATE'         a line for each
//   --format 'table TEMPLATE'   the same under headings, in columns parted by \t

import { flag } from "../options.ts";
import { formatTable } from "./table.ts";
import { parseTemplate } from "./template.ts";
import { HEADING_FUNCTIONS } from "./template-functions.ts";

/** A thing's fields by the names that templates have for them; already neutralised. */
export type Row = Readonly<Record<string, string>>;

/** podman's option of what lists. */
export const NO_HEADING = flag(["noheading"], "Without the line of headings");

export interface Listing {
  readonly rows: readonly Row[];
  /** Heading by field; fields without one are for templates and JSON alone. */
  readonly headings: Readonly<Record<string, string>>;
  /** Fields of the default table, in order. */
  readonly columns: readonly string[];
  /** Tables are without their headings. */
  readonly noHeading?: boolean;
  /** The labels of each row, for `{{.Label "name"}}`. */
  readonly labels?: readonly Readonly<Record<string, string>>[];
}

/** @throws FlagError for a template that cannot be read or names an unknown field */
export function formatListing(listing: Listing, format: string | undefined): string {
  const { rows, headings, columns, noHeading = false } = listing;
  if (format === undefined || format === "" || format === "table") {
    const head = columns.map((field) => headings[field] ?? field.toUpperCase());
    const cells = rows.map((row) => columns.map((field) => row[field] ?? ""));
    return formatTable(noHeading ? cells : [head, ...cells]);
  }
  if (format === "json") return rows.map((row) => `${JSON.stringify(sorted(row))}\n`).join("");
  const inColumns = /^table\s*/.exec(format);
  const template = parseTemplate(unescaped(format.slice(inColumns?.[0].length ?? 0)));
  const lines = rows.map((row, i) => template.render(withLabel(sorted(row), listing.labels?.[i])));
  const inCells = lines.map((line) => line.split("\t"));
  if (inColumns && noHeading) return formatTable(inCells);
  if (!inColumns) return lines.map((line) => `${line}\n`).join("");
  const known = Object.keys(rows[0] ?? headings).map((field) => [
    field,
    headings[field] ?? field.toUpperCase(),
  ]);
  const heads = Object.fromEntries([...Object.entries(headings), ...known]);
  const own = listing.labels && withLabel(heads, undefined, (name) => name);
  const head = template.render(own ?? heads, HEADING_FUNCTIONS);
  return formatTable([head.split("\t"), ...inCells]);
}

/** A method beside the fields, which JSON and lists of fields do not see. */
function withLabel(
  row: Row,
  labels: Readonly<Record<string, string>> | undefined,
  label = (name: string): string => labels?.[name] ?? "",
): object {
  return Object.defineProperty({ ...row }, "Label", { value: label, enumerable: false });
}

/** By a key of each, the smallest first; those that are equal stay as they are. */
export function ascending<T>(items: readonly T[], key: (item: T) => string | number): T[] {
  return items
    .map((item) => ({ item, key: key(item) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ item }) => item);
}

function sorted(row: Row): Row {
  return Object.fromEntries(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Shells hand `\t` over as two characters. */
function unescaped(format: string): string {
  return format.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}
