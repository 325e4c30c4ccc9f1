// Filters as docker's --filter has them: values of one key are alternatives, keys must all hold.
// Labels are the exception: every one of them must.

import { NacreError } from "@nacre/core/error.ts";

/** Values by key, as in `--filter key=value`. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/**
 * Whether a thing is meant, by a test for each key that it may be asked by.
 * @throws NacreError `invalid` for another key
 */
export function allHold(
  tests: Readonly<Record<string, (value: string) => boolean>>,
  filters: Filters,
): boolean {
  return Object.entries(filters).every(([key, values]) => {
    const test = Object.hasOwn(tests, key) ? tests[key] : undefined;
    if (!test) {
      throw new NacreError("invalid", `invalid filter '${key}'`, {
        advice: `There are ${Object.keys(tests).join(", ")}.`,
      });
    }
    const results = values.map(test);
    return key.startsWith("label") ? results.every(Boolean) : results.some(Boolean);
  });
}

/** `K` or `K=V`. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const [name = "", ...rest] = wanted.split("=");
  if (!Object.hasOwn(labels, name)) return false;
  return rest.length === 0 || labels[name] === rest.join("=");
}
