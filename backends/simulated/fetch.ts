import { NacreError } from "@nacre/core/error.ts";
import type { Fetch, FetchRequest, FetchResponse } from "@nacre/core/ports/fetch.ts";
import type { Fault } from "./faults.ts";

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
 *
 * Faults strike requests, and chunks of what is sent and what is answered: a connection that is cut
 * is `unreachable`; one that is stalled says nothing until the client has lost its patience, which
 * is `unreachable` too, or its signal aborts.
 */
export class SimulatedFetch implements Fetch {
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #reach: ReachNetwork;
  /** All requests so far, in order. */
  readonly requests: FetchRequest[] = [];

  /** `reach` is called before each request is answered, and before each chunk of a body. */
  constructor(handlers: Readonly<Record<string, Handler>>, reach: ReachNetwork = async () => {}) {
    this.#handlers = new Map(Object.entries(handlers));
    this.#reach = reach;
  }

  /** The same hosts as another process reaches them. */
  with(reach: ReachNetwork): SimulatedFetch {
    return new SimulatedFetch(Object.fromEntries(this.#handlers), reach);
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
    const reach = async (call: "request" | "chunk"): Promise<void> => {
      const fault = await this.#reach(call, request.url);
      if (fault?.do === "cut" || fault?.do === "stall") throw brokenOff(fault.do, url);
    };
    await reach("request");
    const sent = request.body && !(request.body instanceof Uint8Array) ? request.body : undefined;
    const asked = sent ? { ...request, body: chunksOf(sent, request.signal, url, reach) } : request;
    const { status = 200, headers = {}, body = "" } = await handler(asked, url);
    mustGoOn(request.signal, url);
    const chunks = chunksOf(body, request.signal, url, reach);
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

/** Says what is to become of a request or a chunk; a stalled one has waited when it returns. */
export type ReachNetwork = (
  call: "request" | "chunk",
  url: string,
  // biome-ignore lint/suspicious/noConfusingVoidType: most have nothing to say
) => Promise<Fault | undefined | void>;

function brokenOff(how: "cut" | "stall", url: URL): NacreError {
  const why = how === "cut" ? "the connection was cut" : "it stopped answering";
  return new NacreError("unreachable", `${url.host}: ${why}`, {
    errno: how === "cut" ? "ECONNRESET" : "ETIMEDOUT",
  });
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
  reach: (call: "chunk") => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const whole = typeof body === "string" ? new TextEncoder().encode(body) : body;
  for await (const chunk of whole instanceof Uint8Array ? [whole] : whole) {
    await reach("chunk");
    mustGoOn(signal, url);
    yield chunk;
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
