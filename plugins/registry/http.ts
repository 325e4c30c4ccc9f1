// The protocol on a socket, by Node's own HTTP server: why not a framework stands in
// docs/decisions (search for "registry serve").

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import type { ProtocolAnswer, ProtocolRequest } from "./protocol.ts";

export interface ListenOptions {
  /** `127.0.0.1` if absent. */
  readonly host?: string;
  /** A free one if absent or 0. */
  readonly port?: number;
  /** In PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Told of each answer, when it is on its way. */
  readonly answered?: (request: ProtocolRequest, status: number) => void;
}

export interface Listening extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly url: string;
  /** Cuts open connections. */
  close(): Promise<void>;
}

export type Answering = (request: ProtocolRequest) => Promise<ProtocolAnswer>;

/**
 * Listens when it resolves. On loopback, at a port that the machine chooses, unless told otherwise.
 */
export async function listen(answer: Answering, options: ListenOptions = {}): Promise<Listening> {
  const { host = "127.0.0.1", port = 0, tls } = options;
  const scheme = tls ? "https" : "http";
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    respond(answer, request, response, scheme, options.answered).catch(() => fail(response));
  };
  const server: Server = tls ? createTlsServer(tls, listener) : createServer(listener);
  // A layer may take as long as it takes.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  const name = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  const address = `${name}:${bound.port}`;
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return { address, url: `${scheme}://${address}`, close, [Symbol.asyncDispose]: close };
}

/** What nobody foresaw: said as far as it still can be. */
function fail(response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(500, { connection: "close" }).end();
}

async function respond(
  answer: Answering,
  request: IncomingMessage,
  response: ServerResponse,
  scheme: string,
  answered: ListenOptions["answered"],
): Promise<void> {
  const { method = "GET", headers } = request;
  const url = URL.parse(request.url ?? "/", `${scheme}://${headers.host ?? "localhost"}`);
  if (!url) {
    response.writeHead(400).end();
    return;
  }
  const asked: ProtocolRequest = {
    ...{ method, url, body: request },
    headers: headers as Record<string, string>,
  };
  const { status, headers: fields, body } = await answer(asked);
  // What nobody read of the request must not stand before the next one.
  request.resume();
  response.writeHead(status, { "docker-distribution-api-version": "registry/2.0", ...fields });
  answered?.(asked, status);
  if (method === "HEAD" || body === undefined) response.end();
  else if (body instanceof Uint8Array) response.end(body);
  else await pipeline(body, response);
}
