// HTTP without a proxy, by node:http. It parses natively: undici does it in Wasm, and loading and
// compiling that took a pull 70 ms of processor time before its first layer was there.

import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps, Agent as SecureAgent } from "node:https";
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { FetchRequest, FetchResponse } from "@nacre/core/ports/fetch.ts";
import {
  BODY_TIMEOUT_MS,
  CONNECT_TIMEOUT_MS,
  type Exchanger,
  type Fail,
  HEADERS_TIMEOUT_MS,
  headersOf,
  textOf,
} from "./exchange.ts";
import { readerOf, readSockets } from "./socket-reader.ts";

/**
 * Bodies of this size are taken from under the parser, if whoever asks allows it. The connection
 * is spent then, which costs the next exchange some round trips.
 */
const TAKEN_OVER_BYTES = 16 << 20;
/** A body that nobody wants is read to its end up to this size, for the connection's sake. */
const DRAINED_BYTES = 16 * 1024;
/** What may be sent twice: a connection that was idle may be gone before the server has read anything. */
const REPEATABLE = new Set(["GET", "HEAD", "PUT", "DELETE"]);

export class DirectExchanger implements Exchanger {
  readonly #secure: boolean;
  readonly #agent: Agent;

  constructor(secure: boolean, tls: { readonly secureContext?: SecureContext }) {
    this.#secure = secure;
    const options = { keepAlive: true, scheduling: "lifo" } as const;
    this.#agent = secure ? new SecureAgent({ ...options, ...tls }) : new Agent(options);
    readSockets(this.#agent);
  }

  async exchange(request: FetchRequest, url: URL, fail: Fail): Promise<FetchResponse> {
    for (;;) {
      const outgoing = this.#open(request, url);
      const answer = answerTo(outgoing, request.passing === true);
      // It also fails what is sent.
      send(outgoing, request.body);
      try {
        const { message, bytes } = await answer;
        return new DirectResponse(message, bytes, outgoing, fail);
      } catch (error) {
        if (!isStale(error, outgoing, request)) throw error;
      }
    }
  }

  async close(): Promise<void> {
    this.#agent.destroy();
  }

  #open({ method, headers, signal }: FetchRequest, url: URL): ClientRequest {
    const outgoing = (this.#secure ? requestHttps : requestHttp)({
      agent: this.#agent,
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port || (this.#secure ? 443 : 80),
      path: url.pathname + url.search,
      method,
      headers: { ...headers },
      ...(signal ? { signal } : {}),
    });
    outgoing.on("socket", (socket) => boundConnecting(outgoing, socket, this.#secure));
    outgoing.setTimeout(HEADERS_TIMEOUT_MS, () => {
      outgoing.destroy(silence("UND_ERR_HEADERS_TIMEOUT"));
    });
    return outgoing;
  }
}

/** What undici calls it, so that both are told in the same words. */
const silence = (code: string): Error => Object.assign(new Error(code), { code });

function boundConnecting(outgoing: ClientRequest, socket: Socket, secure: boolean): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => {
    outgoing.destroy(silence("UND_ERR_CONNECT_TIMEOUT"));
  }, CONNECT_TIMEOUT_MS);
  for (const event of [secure ? "secureConnect" : "connect", "close"]) {
    socket.once(event, () => clearTimeout(timer));
  }
}

interface Answer {
  readonly message: IncomingMessage;
  /** Its body. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

function answerTo(outgoing: ClientRequest, passing: boolean): Promise<Answer> {
  return new Promise((resolve, reject) => {
    outgoing.once("response", (message) => {
      const bytes = (passing ? takenOver(message) : undefined) ?? message;
      resolve({ message, bytes });
    });
    // It stays: what breaks after the answer is the body's to tell.
    outgoing.on("error", reject);
    outgoing.once("close", () => reject(silence("UND_ERR_SOCKET")));
  });
}

/** The body of a large answer, not by its parser; to be called while its head is being told. */
function takenOver(message: IncomingMessage): AsyncIterable<Uint8Array> | undefined {
  const { socket, headers, statusCode = 0 } = message;
  const length = Number(headers["content-length"]);
  const large = [200, 206].includes(statusCode) && length >= TAKEN_OVER_BYTES;
  const reader = large ? readerOf(socket) : undefined;
  if (!reader || headers["transfer-encoding"] !== undefined) return undefined;
  let broken: unknown;
  message.on("error", (error) => {
    broken = error;
  });
  message.once("close", () => reader.end());
  const chunks = reader.takeOver();
  return (async function* () {
    let left = length;
    try {
      // What came in one piece with the head.
      const first: Uint8Array = message.read() ?? new Uint8Array();
      left -= first.length;
      yield first;
      for await (const chunk of chunks) {
        yield chunk.subarray(0, left);
        left -= Math.min(left, chunk.length);
        if (left === 0) return;
      }
      throw broken ?? silence("UND_ERR_SOCKET");
    } finally {
      message.destroy();
    }
  })();
}

function send(outgoing: ClientRequest, body: FetchRequest["body"]): void {
  if (body === undefined || body instanceof Uint8Array) outgoing.end(body);
  else sendAll(outgoing, body).catch((error) => outgoing.destroy(error));
}

async function sendAll(outgoing: ClientRequest, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(chunk)) await drained(outgoing);
  }
  outgoing.end();
}

/** Also when it is closed. */
function drained(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      outgoing.off("drain", end).off("close", end);
      resolve();
    };
    outgoing.on("drain", end).on("close", end);
  });
}

/** Whether a connection had been closed by the server when it was used again. */
function isStale(error: unknown, outgoing: ClientRequest, { method, body }: FetchRequest): boolean {
  const { code } = error as { code?: unknown };
  const wasClosed = code === "ECONNRESET" || code === "EPIPE";
  const repeatable = REPEATABLE.has(method) && (body === undefined || body instanceof Uint8Array);
  return outgoing.reusedSocket && wasClosed && repeatable;
}

class DirectResponse implements FetchResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly #message: IncomingMessage;
  readonly #bytes: AsyncIterable<Uint8Array>;
  readonly #fail: Fail;

  constructor(
    message: IncomingMessage,
    bytes: AsyncIterable<Uint8Array>,
    outgoing: ClientRequest,
    fail: Fail,
  ) {
    this.status = message.statusCode ?? 0;
    this.headers = headersOf(message.headers);
    this.#message = message;
    this.#bytes = bytes;
    this.#fail = fail;
    // From here on silence counts only while somebody waits for more.
    outgoing.setTimeout(0);
    // An error of a body that is not being read must not end the process.
    message.on("error", () => {});
    // A server may answer before it has read everything, and then no longer reads.
    message.once("end", () => {
      if (!outgoing.writableFinished) outgoing.destroy();
    });
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#read();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    const message = this.#message;
    let waits = true;
    const timer = setTimeout(() => {
      if (waits) message.destroy(silence("UND_ERR_BODY_TIMEOUT"));
    }, BODY_TIMEOUT_MS);
    try {
      for await (const chunk of this.#bytes) {
        waits = false;
        yield chunk;
        waits = true;
        timer.refresh();
      }
    } catch (error) {
      throw this.#fail(error);
    } finally {
      clearTimeout(timer);
    }
  }

  text(limitBytes: number): Promise<string> {
    return textOf(this.body, limitBytes);
  }

  async cancel(): Promise<void> {
    const message = this.#message;
    const length = Number(message.headers["content-length"] ?? Number.POSITIVE_INFINITY);
    if (message.complete || length <= DRAINED_BYTES) message.resume();
    else message.destroy();
  }
}
