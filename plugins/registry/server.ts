// A registry on loopback: the read side of the OCI distribution specification 1.1.
//
//   GET /v2/                             200 where it speaks the protocol, and who asks is known
//   GET /v2/NAME/manifests/REFERENCE     by tag or digest
//   GET /v2/NAME/blobs/DIGEST            with Range
//   GET /v2/NAME/tags/list
//   GET, POST /token                     tokens, where access is by Bearer
//
// HEAD works wherever GET does.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type Access, Gatekeeper } from "./access.ts";
import type { RegistryContent } from "./content.ts";
import { DamagedBody, type Fault, Faults } from "./faults.ts";

export interface ServeOptions {
  readonly access?: Access;
  readonly faults?: readonly Fault[];
  /** Serves HTTPS with this certificate and key, in PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** A free one if absent. */
  readonly port?: number;
}

/** A request as it was answered. */
export interface ServedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

export interface RegistryServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly url: string;
  /** What was asked so far, oldest first. */
  readonly requests: readonly ServedRequest[];
  close(): Promise<void>;
}

const PATH = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/;

/** Starts a registry on 127.0.0.1. It ends with `close`, which cuts open connections. */
export async function serveRegistry(
  content: RegistryContent,
  options: ServeOptions = {},
): Promise<RegistryServer> {
  const requests: ServedRequest[] = [];
  const handler = new Handler(content, options);
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    response.on("close", () => {
      requests.push({
        method: request.method ?? "",
        path: request.url ?? "",
        status: response.statusCode,
        authorization: request.headers.authorization,
        range: request.headers.range,
      });
    });
    handler.handle(request, response).catch(() => response.destroy());
  };
  const server: Server = options.tls
    ? createTlsServer(options.tls, listener)
    : createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `${options.tls ? "https" : "http"}://${address}`;
  handler.base = url;
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return { address, url, requests, close, [Symbol.asyncDispose]: close };
}

class Handler {
  base = "";
  readonly #content: RegistryContent;
  readonly #gatekeeper: Gatekeeper;
  readonly #faults: Faults;

  constructor(content: RegistryContent, options: ServeOptions) {
    this.#content = content;
    this.#gatekeeper = new Gatekeeper(options.access ?? { kind: "open" });
    this.#faults = new Faults(options.faults ?? []);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.base);
    if (url.pathname === "/token") return this.#token(request, response, url);
    const [, repository = "", kind, reference = ""] = PATH.exec(url.pathname) ?? [];
    if (kind === undefined && url.pathname !== "/v2/") {
      return refuse(response, 404, "NAME_INVALID", "no such place");
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return refuse(response, 405, "UNSUPPORTED", "this registry can only be read");
    }
    const challenge = this.#gatekeeper.challenge(request, this.base, repository);
    if (challenge !== undefined) {
      response.setHeader("www-authenticate", challenge);
      return refuse(response, 401, "UNAUTHORIZED", "authentication required");
    }
    response.setHeader("docker-distribution-api-version", "registry/2.0");
    if (kind === "manifests") return this.#manifest(response, repository, reference);
    if (kind === "blobs") return this.#blob(request, response, reference);
    if (kind === "tags") return this.#tags(response, repository);
    answerJson(response, 200, {});
  }

  async #token(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const faults = this.#faults.take("token", "");
    if (await misdirected(response, faults)) return;
    const answer = this.#gatekeeper.token(request, url, Buffer.concat(chunks).toString("utf8"));
    answerJson(response, answer.status, answer.body);
  }

  async #manifest(response: ServerResponse, repository: string, reference: string): Promise<void> {
    const found = this.#content.manifest(repository, reference);
    const faults = this.#faults.take("manifest", reference);
    if (await misdirected(response, faults)) return;
    if (!found) return refuse(response, 404, "MANIFEST_UNKNOWN", "manifest unknown");
    response.setHeader("content-type", found.mediaType);
    response.setHeader("docker-content-digest", found.digest);
    for (const fault of faults) {
      if (fault.do === "header") response.setHeader(fault.name, fault.value);
    }
    const body = new DamagedBody(faults, 0, () => response.destroy());
    body.pipe(response);
    body.end(Buffer.from(found.bytes));
  }

  #tags(response: ServerResponse, name: string): void {
    const tags = this.#content.tags(name);
    if (tags) answerJson(response, 200, { name, tags });
    else refuse(response, 404, "NAME_UNKNOWN", "repository name not known");
  }

  async #blob(request: IncomingMessage, response: ServerResponse, digest: string): Promise<void> {
    const blob = this.#content.blob(digest);
    const faults = this.#faults.take("blob", digest);
    if (await misdirected(response, faults)) return;
    if (!blob) return refuse(response, 404, "BLOB_UNKNOWN", "blob unknown");
    const has = (what: Fault["do"]): boolean => faults.some((fault) => fault.do === what);
    const start = has("no-range") ? undefined : startOf(request.headers.range);
    if (start !== undefined && (has("refuse-range") || start >= blob.sizeBytes)) {
      response.setHeader("content-range", `bytes */${blob.sizeBytes}`);
      return refuse(response, 416, "RANGE_INVALID", "no such range");
    }
    const from = start ?? 0;
    response.statusCode = start === undefined ? 200 : 206;
    response.setHeader("content-type", "application/octet-stream");
    response.setHeader("docker-content-digest", digest);
    const honest = !has("cut") && !has("pad");
    if (honest) response.setHeader("content-length", blob.sizeBytes - from);
    if (start !== undefined) {
      const claimed = has("wrong-range") ? from + 1 : from;
      const range = `bytes ${claimed}-${blob.sizeBytes - 1}/${blob.sizeBytes}`;
      response.setHeader("content-range", range);
    }
    for (const fault of faults) {
      if (fault.do === "header") response.setHeader(fault.name, fault.value);
    }
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    const source = blob.read(from);
    response.on("close", () => source.destroy());
    const body = faults.length > 0 ? new DamagedBody(faults, from, () => response.destroy()) : null;
    (body ? source.pipe(body) : source).pipe(response);
  }
}

/** Whether a fault has taken the whole answer. */
async function misdirected(response: ServerResponse, faults: readonly Fault[]): Promise<boolean> {
  for (const fault of faults) {
    if (fault.do === "wait") await fault.until;
    if (fault.do === "redirect") {
      response.writeHead(fault.status ?? 307, { location: fault.to }).end();
      return true;
    }
    if (fault.do === "status") {
      for (const [name, value] of Object.entries(fault.headers ?? {})) {
        response.setHeader(name, value);
      }
      refuse(response, fault.status, "UNAVAILABLE", "not now");
      return true;
    }
  }
  return false;
}

/** Where a Range field of the form `bytes=N-` begins; other forms are ignored, as they may be. */
function startOf(range: string | undefined): number | undefined {
  const [, start] = /^bytes=(\d+)-$/.exec(range ?? "") ?? [];
  return start === undefined ? undefined : Number(start);
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  answerJson(response, status, { errors: [{ code, message }] });
}

function answerJson(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(body));
}
