// Small JSON answers of registries, which come from strangers.

import { NacreError } from "@nacre/core/error.ts";
import type { FetchResponse } from "@nacre/core/ports/fetch.ts";

const LIMIT_BYTES = 8 << 20;

/** NacreError `corrupt` for what is no JSON object. */
export async function jsonObject(
  response: FetchResponse,
  what: string,
): Promise<Readonly<Record<string, unknown>>> {
  const text = await response.text(LIMIT_BYTES);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch {
    // Said below: a parser's message quotes what may be anything.
  }
  throw new NacreError("corrupt", `${what} is not what a registry answers`, {
    advice: "Is there a registry at this address?",
  });
}

/** Texts of a list; none where there is no list. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** The address of the next page (RFC 8288), if the answer names one. */
export function nextPage(response: FetchResponse): string | undefined {
  return /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.link ?? "")?.[1];
}
