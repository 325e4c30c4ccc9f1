import { NacreError } from "@nacre/core/error.ts";
import type { Fetch, FetchRequest, FetchResponse } from "@nacre/core/ports/fetch.ts";

/** What a handler answers; missing parts are 200, none and empty. */
export interface SimulatedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
}

export type Handler = (
  request: FetchRequest,
  url: URL,
) => SimulatedAnswer | Promise<SimulatedAnswer>;

/**
 * A network of hosts that are functions. Keys are origins (`https://registry.example`); a request
 * to any other is `unreachable`.
 */
export class SimulatedFetch implements Fetch {
  readonly #handlers: ReadonlyMap<string, Handler>;
  /** All requests so far, in order. */
  readonly requests: FetchRequest[] = [];

  constructor(handlers: Readonly<Record<string, Handler>>) {
    this.#handlers = new Map(Object.entries(handlers));
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    this.requests.push(request);
    const url = new URL(request.url);
    mustGoOn(request.signal, url);
    const handler = this.#handlers.get(url.origin);
    if (!handler) {
      throw new NacreError("unreachable", `cannot reach ${url.host}: no such host`, {
        operation: `${request.method} ${request.url}`,
        advice: "In the simulation, only the hosts that it was given exist.",
      });
    }
    const { status = 200, headers = {}, body = "" } = await handler(request, url);
    mustGoOn(request.signal, url);
    const chunks = chunksOf(body, request.signal, url);
    return {
      status,
      headers: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v])),
      body: chunks,
      text: (limitBytes) => textOf(chunks, limitBytes, url),
      cancel: async () => {
        await chunks.return(undefined);
      },
    };
  }
}

function mustGoOn(signal: AbortSignal | undefined, url: URL): void {
  if (!signal?.aborted) return;
  throw new NacreError("interrupted", `interrupted while asking ${url.host}`, {
    cause: signal.reason,
  });
}

async function* chunksOf(
  body: string | Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  url: URL,
): AsyncGenerator<Uint8Array> {
  if (typeof body === "string") yield new TextEncoder().encode(body);
  else if (body instanceof Uint8Array) yield body;
  else {
    for await (const chunk of body) {
      mustGoOn(signal, url);
      yield chunk;
    }
  }
}

async function textOf(
  chunks: AsyncIterable<Uint8Array>,
  limitBytes: number,
  url: URL,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) {
      throw new NacreError("invalid", `${url.host} answers with more than ${limitBytes} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
