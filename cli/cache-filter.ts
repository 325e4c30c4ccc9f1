// Filters of the build cache, as `builder prune --filter` takes them.

import type { BuildCacheEntry } from "@nacre/engine/engine.ts";
import { FlagError } from "./flag-error.ts";
import { parseBoolean } from "./parse/number.ts";
import { parsePositiveDurationMs } from "./parse/time.ts";

export interface CacheFilter {
  readonly name: string;
  /** Of until. */
  readonly unusedMs?: number;
  readonly test?: (entry: BuildCacheEntry) => boolean;
}

/** What an entry is asked for, as words. Those that are shared are not private. */
const FIELDS: Readonly<Record<string, (entry: BuildCacheEntry) => string | boolean>> = {
  id: ({ key }) => key,
  type: ({ type }) => type,
  description: ({ description }) => description,
  shared: ({ shared }) => shared,
  private: ({ shared }) => !shared,
};

/** @throws FlagError */
export function parseCacheFilter(given: string): CacheFilter {
  const [, name = "", sign = "", wanted = ""] = /^([\w-]+)(=|!=|~=|==)?(.*)$/s.exec(given) ?? [];
  if ((name === "until" || name === "unused-for") && sign === "=") {
    return { name: "until", unusedMs: parsePositiveDurationMs(wanted) };
  }
  const field = FIELDS[name];
  if (!field) {
    const names = ["until", ...Object.keys(FIELDS)].join(", ");
    throw new FlagError(`--filter: ${JSON.stringify(given)} is none of ${names}`);
  }
  return { name, test: (entry) => matches(field(entry), sign, wanted) };
}

function matches(value: string | boolean, sign: string, wanted: string): boolean {
  if (typeof value === "boolean") {
    const asked = sign === "" || parseBoolean(wanted);
    return (value === asked) !== (sign === "!=");
  }
  if (sign === "~=") return value.includes(wanted);
  // A key may be shortened, as IDs are.
  const isIt = value === wanted || (wanted !== "" && value.startsWith(`sha256:${wanted}`));
  return isIt !== (sign === "!=");
}
