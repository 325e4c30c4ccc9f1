// SOURCE_DATE_EPOCH: the date of what is made, where whoever makes it wants the same bytes again
// (https://reproducible-builds.org/specs/source-date-epoch/).

import { NacreError } from "@nacre/core/error.ts";
import type { Host } from "./host.ts";

/** NacreError `invalid` for what is no number of seconds. */
export function createdAt({ environment }: Host): { readonly createdMs?: number } {
  const text = environment.SOURCE_DATE_EPOCH;
  if (text === undefined || text === "") return {};
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds <= 253402300799) return { createdMs: seconds * 1000 };
  throw new NacreError("invalid", `SOURCE_DATE_EPOCH is ${JSON.stringify(text)}`, {
    advice: "It is a number of seconds since 1970, or not set.",
  });
}
