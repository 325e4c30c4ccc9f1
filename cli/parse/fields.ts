// Values of options that are fields: `type=local,dest=out`. A value with commas stands in quotes.

import { FlagError } from "../flag-error.ts";

/** @throws FlagError */
export function fieldsOf(
  text: string,
  option: string,
): Readonly<Record<string, string | undefined>> {
  const fields: Record<string, string> = {};
  for (const [, quoted, plain] of text.matchAll(/"((?:[^"]|"")*)"(?:,|$)|([^,]+)(?:,|$)/g)) {
    const field = quoted?.replaceAll('""', '"') ?? plain ?? "";
    const equals = field.indexOf("=");
    if (equals < 1) {
      throw new FlagError(`--${option}: invalid field '${field}' must be a key=value pair`);
    }
    fields[field.slice(0, equals).trim().toLowerCase()] = field.slice(equals + 1);
  }
  return fields;
}
