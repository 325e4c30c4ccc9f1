// HTTP as the environment wants it: through proxies or not, trusting whom the system trusts. What
// speaks it is loaded at the first request: a command without network does not pay for it.

import { readdirSync, readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import type { SecureContext } from "node:tls";
import { NacreError } from "@nacre/core/error.ts";
import type { Fetch, FetchRequest, FetchResponse } from "@nacre/core/ports/fetch.ts";
import type { Exchanger } from "./exchange.ts";
import { fetchError } from "./fetch-error.ts";

export interface FetchOptions {
  /** HTTP_PROXY, HTTPS_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS and SSL_CERT_FILE are read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `HOST[:PORT]/*.crt` below it are authorities for that host; `*.cert` with `*.key` are for clients. */
  readonly certificatesDirectory?: string;
}

export class LinuxFetch implements Fetch, AsyncDisposable {
  readonly #options: FetchOptions;
  readonly #exchangers = new Map<string, Promise<Exchanger>>();

  constructor(options: FetchOptions) {
    this.#options = options;
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    const url = new URL(request.url);
    const fail = (error: unknown): NacreError => fetchError(error, url, request.signal);
    try {
      const exchanger = await this.#exchanger(url);
      return await exchanger.exchange(request, url, fail);
    } catch (error) {
      throw fail(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = await Promise.allSettled(this.#exchangers.values());
    this.#exchangers.clear();
    await Promise.all(all.map((one) => one.status === "fulfilled" && one.value.close()));
  }

  /** Connections are shared by all hosts that are reached in the same way. */
  #exchanger(url: URL): Promise<Exchanger> {
    const secure = url.protocol === "https:";
    const own = secure ? certificateFiles(this.#options.certificatesDirectory, url.host) : [];
    const proxy = this.#proxyFor(url);
    const key = `${secure} ${proxy ?? ""} ${own.length > 0 ? url.host : ""}`;
    let exchanger = this.#exchangers.get(key);
    if (!exchanger) {
      exchanger = this.#open(secure, proxy, own);
      this.#exchangers.set(key, exchanger);
    }
    return exchanger;
  }

  async #open(
    secure: boolean,
    proxy: string | undefined,
    own: readonly string[],
  ): Promise<Exchanger> {
    const tls = secure || proxy?.startsWith("https:") ? await this.#tls(own) : {};
    if (proxy === undefined) {
      const { DirectExchanger } = await import("./direct-exchange.ts");
      return new DirectExchanger(secure, tls);
    }
    const { ProxiedExchanger } = await import("./proxied-exchange.ts");
    return new ProxiedExchanger(proxy, tls);
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
