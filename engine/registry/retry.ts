// Patience with servers: how often and how long to try again.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { FetchResponse } from "@nacre/core/ports/fetch.ts";

/** Attempts that fail without any progress before we give up. */
export const MAX_ATTEMPTS = 5;
/** Longest wait that a server can ask for with Retry-After. */
const MAX_WAIT_MS = 30_000;

/** Failures that another attempt a moment later will not change. */
const LASTING = new Set([
  "CERTIFICATE",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ELOOP",
  "ENETUNREACH",
  "ENOTFOUND",
]);

/** Whether the same request may succeed a moment later. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof NacreError && error.kind === "unreachable" && !LASTING.has(error.errno ?? "")
  );
}

/** 0.25, 0.5, 1, 2, 4 seconds after the first, second, … failure. */
export function backoffMs(failures: number): number {
  return 250 * 2 ** Math.min(failures - 1, 4);
}

/** Retry-After (RFC 9110, section 10.2.3): seconds, or a date. */
function retryAfterMs(field: string | undefined, nowMs: number): number | undefined {
  if (field === undefined) return undefined;
  const waitMs = /^\d+$/.test(field) ? Number(field) * 1000 : Date.parse(field) - nowMs;
  return Number.isFinite(waitMs) ? Math.min(Math.max(waitMs, 0), MAX_WAIT_MS) : undefined;
}

const isBusy = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/**
 * Runs `attempt` until it gives an answer that is neither 408, 429 nor 5xx, or the attempts are
 * used up: then the last answer or error is the result.
 */
export async function withRetries(
  clock: Clock,
  signal: AbortSignal | undefined,
  attempt: () => Promise<FetchResponse>,
): Promise<FetchResponse> {
  for (let failures = 1; ; failures++) {
    let waitMs = backoffMs(failures);
    try {
      const response = await attempt();
      if (!isBusy(response.status) || failures === MAX_ATTEMPTS) return response;
      waitMs = retryAfterMs(response.headers["retry-after"], clock.nowMs()) ?? waitMs;
      await response.cancel();
    } catch (error) {
      if (!isPassing(error) || failures === MAX_ATTEMPTS) throw error;
    }
    await clock.sleep(waitMs, signal);
  }
}
