// A blob as one stream over several connections. Where one breaks, the next goes on with Range
// (RFC 9110, section 14). Not every server plays along:
//
//   206  goes on where we asked; Content-Range is checked
//   200  ignores Range and starts anew: what we have is skipped
//   416  knows no such range: we ask once more without it, and skip
//
// What arrives is counted, so that a server can send neither more nor less than the descriptor says.

import { NacreError } from "@nacre/core/error.ts";
import type { Descriptor } from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { FetchResponse } from "@nacre/core/ports/fetch.ts";
import { backoffMs, isPassing, MAX_ATTEMPTS } from "./retry.ts";

/** Less than this on a connection does not count as progress. */
const PROGRESS_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 200;

export interface BlobStreamOptions {
  /** Bytes that the caller has already. */
  readonly offset: number;
  readonly what: string;
  readonly host: string;
  readonly signal: AbortSignal | undefined;
}

/** Opens a connection for the bytes after `from`; with `ranged` by a Range field. */
export type OpenBlob = (from: number, ranged: boolean) => Promise<FetchResponse>;

/**
 * Yields `descriptor.size - offset` bytes.
 * @throws NacreError `corrupt` for another size, `unreachable` if it breaks again and again
 */
export async function* streamBlob(
  clock: Clock,
  open: OpenBlob,
  descriptor: Descriptor,
  options: BlobStreamOptions,
): AsyncGenerator<Uint8Array> {
  const { size } = descriptor;
  let received = options.offset;
  let ranges = true;
  let failures = 0;
  for (let connection = 1; received < size; connection++) {
    const before = received;
    const ranged = received > 0 && ranges;
    // It has tried often enough by itself.
    const response = await open(received, ranged);
    if (response.status === 416) {
      await response.cancel();
      if (!ranged) throw wrongSize(descriptor, options, "refuses to send any of it");
      ranges = false;
      continue;
    }
    let reason: NacreError | undefined;
    try {
      for await (const chunk of remaining(response, received, descriptor, options)) {
        received += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (!isPassing(error) || options.signal?.aborted) throw error;
      reason = error as NacreError;
    }
    if (received === size) return;
    failures = received - before >= PROGRESS_BYTES ? 1 : failures + 1;
    if (failures >= MAX_ATTEMPTS || connection >= MAX_CONNECTIONS) {
      throw reason
        ? broken(descriptor, options, received, reason)
        : wrongSize(descriptor, options, `ends after ${received}`);
    }
    await clock.sleep(backoffMs(failures), options.signal);
  }
}

/** The body's bytes that are new to us. */
async function* remaining(
  response: FetchResponse,
  from: number,
  descriptor: Descriptor,
  options: BlobStreamOptions,
): AsyncGenerator<Uint8Array> {
  const { size } = descriptor;
  const partial = response.status === 206;
  try {
    checkLength(response, partial ? from : 0, descriptor, options);
  } catch (error) {
    await response.cancel();
    throw error;
  }
  let skip = partial ? 0 : from;
  let at = from;
  for await (const chunk of response.body) {
    const fresh = skip === 0 ? chunk : chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - fresh.length;
    if (fresh.length === 0) continue;
    at += fresh.length;
    if (at > size) throw wrongSize(descriptor, options, "sends more");
    yield fresh;
  }
}

function checkLength(
  response: FetchResponse,
  from: number,
  descriptor: Descriptor,
  options: BlobStreamOptions,
): void {
  const { "content-range": range, "content-length": length } = response.headers;
  if (response.status === 206) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? "") ?? [];
    if (Number(start) !== from) {
      throw wrongSize(descriptor, options, "answers with another range than the one asked for");
    }
    if (total !== "*" && Number(total) !== descriptor.size) {
      throw wrongSize(descriptor, options, `has ${total}`);
    }
  }
  if (length !== undefined && Number(length) > descriptor.size - from) {
    throw wrongSize(descriptor, options, `announces ${Number(length) + from}`);
  }
  if (length !== undefined && response.status === 200 && Number(length) < descriptor.size) {
    throw wrongSize(descriptor, options, `announces ${length}`);
  }
}

function wrongSize(
  { digest, size }: Descriptor,
  { what, host }: BlobStreamOptions,
  reason: string,
): NacreError {
  return new NacreError(
    "corrupt",
    `the manifest of ${what} promises ${size} bytes for ${digest}, but the registry ${host} ${reason}`,
    { operation: `pull ${what}`, advice: "The image is damaged in the registry: push it again." },
  );
}

function broken(
  { digest, size }: Descriptor,
  { what, host }: BlobStreamOptions,
  received: number,
  cause: NacreError,
): NacreError {
  return new NacreError(
    "unreachable",
    `the connection to ${host} broke again and again, after ${received} of ${size} bytes of ${digest}: ${cause.message}`,
    {
      operation: `pull ${what}`,
      advice: "What has arrived is kept: run the same command again to go on.",
      cause,
    },
  );
}
