// Filters, `--filter KEY=VALUE`, which may be repeated.

import { FlagError } from "../flag-error.ts";
import { list, type Option } from "../options.ts";
import { timeOption } from "./time.ts";

export type Filter = readonly [key: string, value: string];

/** Keys are read in lower case, space around key and value does not count. @throws FlagError */
export function parseFilter(text: string): Filter {
  const at = text.indexOf("=");
  if (at < 0) throw new FlagError("bad format of filter (expected name=value)");
  return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
}

/** Values by key. */
export function filtersOf(filters: readonly Filter[]): Record<string, string[]> {
  const byKey: Record<string, string[]> = {};
  for (const [key, value] of filters) byKey[key] = [...(byKey[key] ?? []), value];
  return byKey;
}

/** The same where `until` is a time: the earliest of those that are given counts. @throws FlagError */
export function timedFiltersOf(
  filters: readonly Filter[],
  nowMs: number,
): { readonly filters: Record<string, string[]>; readonly untilMs?: number } {
  const { until, ...others } = filtersOf(filters);
  const times = until?.map((word) => timeOption("filter until", word, nowMs));
  return { filters: others, ...(times && { untilMs: Math.min(...times) }) };
}

/** Where -f is force, as in docker's prune commands. */
export function longFilterOption(help: string): Option<readonly Filter[]> {
  return list(["filter"], "filter", help, parseFilter);
}

export function filterOption(help: string): Option<readonly Filter[]> {
  return list(["filter", "f"], "filter", help, parseFilter);
}
