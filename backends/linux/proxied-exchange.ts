// HTTP through a proxy, by undici: node:http has known proxies since Node 24.5 only.

import { Readable } from "node:stream";
import type { SecureContext } from "node:tls";
import type { FetchRequest, FetchResponse } from "@nacre/core/ports/fetch.ts";
import type { Dispatcher } from "undici";
import {
  BODY_TIMEOUT_MS,
  CONNECT_TIMEOUT_MS,
  type Exchanger,
  type Fail,
  HEADERS_TIMEOUT_MS,
  headersOf,
  textOf,
} from "./exchange.ts";
import { EnvHttpProxyAgent } from "./undici.ts";

export class ProxiedExchanger implements Exchanger {
  readonly #dispatcher: Dispatcher;

  constructor(proxy: string, tls: { readonly secureContext?: SecureContext }) {
    this.#dispatcher = new EnvHttpProxyAgent({
      allowH2: false,
      headersTimeout: HEADERS_TIMEOUT_MS,
      bodyTimeout: BODY_TIMEOUT_MS,
      connect: { timeout: CONNECT_TIMEOUT_MS, ...tls },
      requestTls: tls,
      proxyTls: tls,
      httpProxy: proxy,
      httpsProxy: proxy,
      // What needs none was sorted out before: fetch.ts.
      noProxy: "",
    });
  }

  async exchange(request: FetchRequest, url: URL, fail: Fail): Promise<FetchResponse> {
    const options: Dispatcher.RequestOptions = {
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method,
      headers: { ...request.headers },
      ...(request.body ? { body: bodyOf(request.body) } : {}),
      ...(request.signal ? { signal: request.signal } : {}),
    };
    return new ProxiedResponse(await this.#dispatcher.request(options), fail);
  }

  close(): Promise<void> {
    return this.#dispatcher.destroy();
  }
}

function bodyOf(body: NonNullable<FetchRequest["body"]>): Uint8Array | Readable {
  return body instanceof Uint8Array ? body : Readable.from(body);
}

class ProxiedResponse implements FetchResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly #body: Dispatcher.ResponseData["body"];
  readonly #fail: Fail;

  constructor(response: Dispatcher.ResponseData, fail: Fail) {
    this.status = response.statusCode;
    this.headers = headersOf(response.headers);
    this.#body = response.body;
    this.#fail = fail;
    // An error of a body that is not being read must not end the process.
    response.body.on("error", () => {});
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#read();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#body) yield chunk as Uint8Array;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  text(limitBytes: number): Promise<string> {
    return textOf(this.body, limitBytes);
  }

  async cancel(): Promise<void> {
    this.#body.destroy();
  }
}
