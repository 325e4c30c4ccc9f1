// Filters as docker's --filter has them: values of one key are alternatives, keys must all hold.
// Labels are the exception: every one of them must.

import { NacreError } from "@nacre/core/error.ts";

/** Values by key, as in `--filter key=value`. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/**
 * `also`: what is read elsewhere, and told of.
 * @throws NacreError `invalid` that names what there is
 */
export function checkFilterKeys(
  filters: Filters,
  known: readonly string[],
  also: readonly string[] = [],
): void {
  const unknown = Object.keys(filters).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new NacreError("invalid", `invalid filter '${unknown}'`, {
    advice: `There are ${[...also, ...known].join(", ")}.`,
  });
}

/**
 * Whether a thing is meant, by a test for each key that it may be asked by.
 * @throws NacreError `invalid` for another key
 */
export function allHold(
  tests: Readonly<Record<string, (value: string) => boolean>>,
  filters: Filters,
): boolean {
  checkFilterKeys(filters, Object.keys(tests));
  return Object.entries(filters).every(([key, values]) => {
    const results = values.map((value) => tests[key]?.(value));
    return key.startsWith("label") ? results.every(Boolean) : results.some(Boolean);
  });
}

/** `K` or `K=V`. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const [name = "", ...rest] = wanted.split("=");
  if (!Object.hasOwn(labels, name)) return false;
  return rest.length === 0 || labels[name] === rest.join("=");
}
