// HTTP by undici, which is loaded at the first request: 50 ms that a command without network does
// not pay.

import { readdirSync, readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { Readable } from "node:stream";
import type { SecureContext } from "node:tls";
import { NacreError } from "@nacre/core/error.ts";
import type { Fetch, FetchRequest, FetchResponse } from "@nacre/core/ports/fetch.ts";
import type { Dispatcher } from "undici";
import { fetchError } from "./fetch-error.ts";

const CONNECT_TIMEOUT_MS = 15_000;
/** A registry may have to fetch a blob itself before it can answer. */
const HEADERS_TIMEOUT_MS = 60_000;
/** Silence in the middle of a body. */
const BODY_TIMEOUT_MS = 30_000;

export interface FetchOptions {
  /** HTTP_PROXY, HTTPS_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS and SSL_CERT_FILE are read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `HOST[:PORT]/*.crt` below it are authorities for that host; `*.cert` with `*.key` are for clients. */
  readonly certificatesDirectory?: string;
}

export class UndiciFetch implements Fetch, AsyncDisposable {
  readonly #options: FetchOptions;
  readonly #agents = new Map<string, Promise<Dispatcher>>();

  constructor(options: FetchOptions) {
    this.#options = options;
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    const url = new URL(request.url);
    const fail = (error: unknown): NacreError => fetchError(error, url, request.signal);
    try {
      const dispatcher = await this.#dispatcher(url);
      const options: Dispatcher.RequestOptions = {
        origin: url.origin,
        path: url.pathname + url.search,
        method: request.method,
        headers: { ...request.headers },
        ...(request.body ? { body: bodyOf(request.body) } : {}),
        ...(request.signal ? { signal: request.signal } : {}),
      };
      return new UndiciResponse(await dispatcher.request(options), fail);
    } catch (error) {
      throw fail(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const agents = await Promise.allSettled(this.#agents.values());
    this.#agents.clear();
    await Promise.all(agents.map((a) => a.status === "fulfilled" && a.value.destroy()));
  }

  /** Connections are shared by all hosts that are reached in the same way. */
  #dispatcher(url: URL): Promise<Dispatcher> {
    const secure = url.protocol === "https:";
    const own = secure ? certificateFiles(this.#options.certificatesDirectory, url.host) : [];
    const proxy = this.#proxyFor(url);
    const key = `${secure} ${proxy ?? ""} ${own.length > 0 ? url.host : ""}`;
    let agent = this.#agents.get(key);
    if (!agent) {
      agent = this.#agent(secure, proxy, own);
      this.#agents.set(key, agent);
    }
    return agent;
  }

  async #agent(
    secure: boolean,
    proxy: string | undefined,
    own: readonly string[],
  ): Promise<Dispatcher> {
    const { Agent, EnvHttpProxyAgent } = await import("./undici.ts");
    const tls = secure || proxy?.startsWith("https:") ? await this.#tls(own) : {};
    const options = {
      allowH2: false,
      headersTimeout: HEADERS_TIMEOUT_MS,
      bodyTimeout: BODY_TIMEOUT_MS,
      connect: { timeout: CONNECT_TIMEOUT_MS, ...tls },
    };
    if (proxy === undefined) return new Agent(options);
    return new EnvHttpProxyAgent({
      ...options,
      requestTls: tls,
      proxyTls: tls,
      httpProxy: proxy,
      httpsProxy: proxy,
      // What needs none was sorted out before: see #proxyFor.
      noProxy: "",
    });
  }

  /** The proxy's URL, as Go's programs choose it: never for loopback, and by the target's scheme. */
  #proxyFor(url: URL): string | undefined {
    const { environment } = this.#options;
    const name = url.protocol === "https:" ? "https_proxy" : "http_proxy";
    const proxy = environment[name] || environment[name.toUpperCase()];
    if (!proxy) return undefined;
    const exceptions = environment.no_proxy || environment.NO_PROXY || "";
    if (isExcepted(url, exceptions)) return undefined;
    return proxy.includes("://") ? proxy : `http://${proxy}`;
  }

  /**
   * One context for all connections: reading some hundred authorities takes 20 ms. Besides Node's
   * own they are the system's, since that is where administrators put theirs.
   */
  async #tls(own: readonly string[]): Promise<{ secureContext?: SecureContext }> {
    const tls = await import("node:tls");
    const { environment } = this.#options;
    const named = [environment.SSL_CERT_FILE, environment.NODE_EXTRA_CA_CERTS];
    const authorities = [
      ...named.filter((path) => path !== undefined && path !== ""),
      ...own.filter((path) => path.endsWith(".crt")),
    ].map((path) => readCertificate(path as string));
    const system = tls.getCACertificates?.("system") ?? [];
    const cert = own.find((path) => path.endsWith(".cert"));
    return {
      secureContext: tls.createSecureContext({
        ca: [...new Set([...tls.rootCertificates, ...system, ...authorities])],
        ...(cert
          ? { cert: readCertificate(cert), key: readCertificate(cert.replace(/cert$/, "key")) }
          : {}),
      }),
    };
  }
}

function bodyOf(body: NonNullable<FetchRequest["body"]>): Uint8Array | Readable {
  return body instanceof Uint8Array ? body : Readable.from(body);
}

class UndiciResponse implements FetchResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly #body: Dispatcher.ResponseData["body"];
  readonly #fail: (error: unknown) => NacreError;

  constructor(response: Dispatcher.ResponseData, fail: (error: unknown) => NacreError) {
    this.status = response.statusCode;
    this.headers = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(", ") : (value ?? ""),
      ]),
    );
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

  async text(limitBytes: number): Promise<string> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.body) {
      size += chunk.length;
      if (size > limitBytes) {
        throw new NacreError("corrupt", `an answer is longer than ${limitBytes} bytes`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  async cancel(): Promise<void> {
    this.#body.destroy();
  }
}

/** Whether NO_PROXY, or what it is, keeps a host from the proxy. Entries are names, with or without a leading dot, addresses, CIDR blocks and `*`, with an optional port. */
function isExcepted(url: URL, exceptions: string): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  if (/^127\./.test(host) || host === "::1") return true;
  return exceptions
    .toLowerCase()
    .split(/[,\s]+/)
    .some((entry) => entry !== "" && matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return inBlock(entry, host);
  const [, bracketed, name = bracketed ?? entry, ownPort] =
    /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  if (ownPort !== undefined && ownPort !== port) return false;
  const suffix = name.replace(/^\*/, "");
  if (suffix.startsWith(".")) return host.endsWith(suffix);
  return host === suffix || (isIP(suffix) === 0 && host.endsWith(`.${suffix}`));
}

function inBlock(entry: string, host: string): boolean {
  const family = isIP(host);
  const [address = "", bits = ""] = entry.split("/");
  if (family === 0 || isIP(address) !== family || !/^\d+$/.test(bits)) return false;
  const blocks = new BlockList();
  const kind = family === 6 ? "ipv6" : "ipv4";
  try {
    blocks.addSubnet(address, Number(bits), kind);
  } catch {
    return false;
  }
  return blocks.check(host, kind);
}

/** What docker's certs.d has for a host. The host comes from a URL, so it holds no slash. */
function certificateFiles(directory: string | undefined, host: string): string[] {
  if (directory === undefined || host.startsWith(".")) return [];
  try {
    const names = readdirSync(`${directory}/${host}`).sort();
    return names.filter((n) => /\.(crt|cert)$/.test(n)).map((n) => `${directory}/${host}/${n}`);
  } catch {
    return [];
  }
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new NacreError("invalid", `cannot read the certificate ${path}`, {
      advice: "Check SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and /etc/docker/certs.d.",
      cause,
    });
  }
}
