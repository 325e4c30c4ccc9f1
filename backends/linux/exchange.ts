// What the two ways to a server have in common: direct-exchange.ts, and proxied-exchange.ts.

import { NacreError } from "@nacre/core/error.ts";
import type { FetchRequest, FetchResponse } from "@nacre/core/ports/fetch.ts";

export const CONNECT_TIMEOUT_MS = 15_000;
/** A registry may have to fetch a blob itself before it can answer. */
export const HEADERS_TIMEOUT_MS = 60_000;
/** Silence in the middle of a body. */
export const BODY_TIMEOUT_MS = 30_000;

/** An error of a connection, in words. */
export type Fail = (error: unknown) => NacreError;

/** Connections that are made in the same way, and used again. */
export interface Exchanger {
  /** Rejects with the error as it came; those of the body are told by `fail`. */
  exchange(request: FetchRequest, url: URL, fail: Fail): Promise<FetchResponse>;
  /** Cuts what is under way. */
  close(): Promise<void>;
}

/** An answer's headers, each with all of its values. */
export function headersOf(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
}

/** A body as text. NacreError `corrupt` if it is longer. */
export async function textOf(body: AsyncIterable<Uint8Array>, limitBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limitBytes) {
      throw new NacreError("corrupt", `an answer is longer than ${limitBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
