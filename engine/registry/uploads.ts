// The writing side of the OCI distribution specification 1.1.
//
//   HEAD  /v2/NAME/blobs/DIGEST                    whether it is there already
//   POST  /v2/NAME/blobs/uploads/?mount=&from=     201: taken from another repository; 202: begun, at Location
//   PUT   LOCATION?digest=                         a small blob as a whole, or the end of what was patched
//   PATCH LOCATION, Content-Range: FIRST-LAST      a part; the answer names the next Location
//   GET   LOCATION                                 Range: 0-LAST, what has arrived when a connection broke
//   PUT   /v2/NAME/manifests/TAG-or-DIGEST         last of all, when everything that it names is there
//
// A blob is sent in one part as a rule, or in parts of a size where something on the way takes no
// more at once. Where a connection breaks the registry is asked what it has, and the rest is sent.

import { NacreError } from "@nacre/core/error.ts";
import type { FetchResponse } from "@nacre/core/ports/fetch.ts";
import { ACCEPT } from "./manifest.ts";
import type { Exchange } from "./registry.ts";
import { backoffMs, isPassing, MAX_ATTEMPTS } from "./retry.ts";
import type { RegistryRequest } from "./transport.ts";

/** Up to this size a blob is one request, whose whole is sent again if it breaks. */
const WHOLE_BYTES = 1 << 20;
/** How many blobs of a push are sent at once. */
export const PARALLEL_BLOBS = 4;
/** Connections that one blob may need. */
const MAX_CONNECTIONS = 200;

/** A blob that is to be sent. */
export interface BlobSource {
  readonly digest: string;
  readonly sizeBytes: number;
  /** `length` bytes from `offset` on. */
  read(offset: number, length: number): AsyncIterable<Uint8Array>;
}

export interface UploadOptions {
  /** Other repositories of the registry that may have it. */
  readonly mountFrom?: readonly string[];
  /** Largest part that is sent at once. */
  readonly chunkBytes?: number;
  /** Where pushes before this one have stopped; absent: each begins anew. */
  readonly memory?: UploadMemory;
  /** Bytes that have left. */
  readonly sent?: (totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

/** Where large blobs go on that a push before has begun, by their digests. */
export interface UploadMemory {
  find(digest: string): string | undefined;
  keep(digest: string, location: string): void;
  forget(digest: string): void;
}

/** What became of a blob. */
export type Uploaded =
  | { readonly how: "exists" | "sent" }
  | { readonly how: "mounted"; readonly from: string };

export class Uploads {
  readonly #exchange: Exchange;
  readonly #what: string;

  /** `what`: as a person names it, for messages. */
  constructor(exchange: Exchange, what: string) {
    this.#exchange = exchange;
    this.#what = what;
  }

  async hasBlob(digest: string, signal?: AbortSignal): Promise<boolean> {
    const path = `/v2/${this.#exchange.path}/blobs/${digest}`;
    const response = await this.#send({ method: "HEAD", path, expected: [404] }, signal);
    await response.cancel();
    return response.status === 200;
  }

  /** The digest of a manifest that is there, if the registry says it. */
  async manifestDigest(reference: string): Promise<string | undefined> {
    const path = `/v2/${this.#exchange.path}/manifests/${reference}`;
    // Some registries have no manifest of a type that is not named.
    const accept = { accept: `${ACCEPT}, */*` };
    const response = await this.#send({ method: "HEAD", path, headers: accept, expected: [404] });
    await response.cancel();
    if (response.status !== 200) return undefined;
    return response.headers["docker-content-digest"];
  }

  /** Sends a blob if it is not there. Its digest is the registry's to check. */
  async blob(source: BlobSource, options: UploadOptions = {}): Promise<Uploaded> {
    if (await this.hasBlob(source.digest, options.signal)) return { how: "exists" };
    const upload = new Upload(this.#exchange, source, options, (request) =>
      this.#send(request, options.signal),
    );
    if (!(await upload.resumes())) {
      const begun = await this.#begin(source.digest, options);
      if (begun.mountedFrom !== undefined) return { how: "mounted", from: begun.mountedFrom };
      upload.at(begun.location!);
    }
    await upload.run(() =>
      this.#begin(source.digest, { ...options, mountFrom: [] }).then((one) => one.location!),
    );
    return { how: "sent" };
  }

  /** Sends a manifest; all that it names must be there. Returns what the registry says of its subject, if it keeps referrers. */
  async manifest(
    reference: string,
    mediaType: string,
    bytes: Uint8Array,
  ): Promise<{ readonly subject: string | undefined }> {
    const response = await this.#send({
      method: "PUT",
      path: `/v2/${this.#exchange.path}/manifests/${reference}`,
      headers: { "content-type": mediaType, "content-length": String(bytes.length) },
      expected: [201, 202],
      body: () => bytes,
    });
    await response.cancel();
    return { subject: response.headers["oci-subject"] };
  }

  /** Removes a manifest or a tag. */
  async remove(reference: string): Promise<void> {
    const path = `/v2/${this.#exchange.path}/manifests/${reference}`;
    const response = await this.#send({ method: "DELETE", path, expected: [202, 204] });
    await response.cancel();
  }

  async #begin(
    digest: string,
    { mountFrom = [], signal }: UploadOptions,
  ): Promise<{ readonly location?: URL; readonly mountedFrom?: string }> {
    const base = `/v2/${this.#exchange.path}/blobs/uploads/`;
    const headers = { "content-length": "0" };
    const post = { method: "POST", headers, expected: [201, 202] } as const;
    for (const from of mountFrom) {
      const query = new URLSearchParams({ mount: digest, from });
      const scope = `${this.#scope()} repository:${from}:pull`;
      const path = `${base}?${query}`;
      const response = await this.#send({ ...post, path, scope, expected: [201, 202, 401, 403] });
      await response.cancel();
      if (response.status === 201) return { mountedFrom: from };
      // It has begun an upload instead; one is enough.
      if (response.status === 202) return { location: this.#location(base, response) };
    }
    const response = await this.#send({ ...post, path: base }, signal);
    await response.cancel();
    return { location: this.#location(base, response) };
  }

  #location(path: string, response: FetchResponse): URL {
    return locationOf(this.#exchange, new URL(this.#exchange.endpoint.base + path), response);
  }

  #scope(): string {
    return `repository:${this.#exchange.path}:pull,push`;
  }

  #send(
    request: Pick<RegistryRequest, "method" | "path"> & Partial<RegistryRequest>,
    signal = this.#exchange.signal,
  ): Promise<FetchResponse> {
    const { transport, endpoint } = this.#exchange;
    const common = { scope: this.#scope(), what: this.#what, action: "push" };
    return transport.send(endpoint, { headers: {}, ...common, ...request, signal });
  }
}

type Send = (
  request: Pick<RegistryRequest, "method" | "path"> & Partial<RegistryRequest>,
) => Promise<FetchResponse>;

/** One blob on its way: where it goes on, and how much of it is there. */
class Upload {
  readonly #exchange: Exchange;
  readonly #source: BlobSource;
  readonly #options: UploadOptions;
  readonly #send: Send;
  #location: URL = new URL("about:blank");
  #offset = 0;
  #chunkBytes: number;

  constructor(exchange: Exchange, source: BlobSource, options: UploadOptions, send: Send) {
    this.#exchange = exchange;
    this.#source = source;
    this.#options = options;
    this.#send = send;
    this.#chunkBytes = options.chunkBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Begins at the place that the registry has given it. */
  at(location: URL): void {
    this.#location = location;
    this.#offset = 0;
    this.#keep();
  }

  /** Whether the registry still has what a push before this one has sent of it: then it goes on there. */
  async resumes(): Promise<boolean> {
    const { transport, endpoint } = this.#exchange;
    const { memory } = this.#options;
    const known = memory?.find(this.#source.digest);
    if (known === undefined) return false;
    try {
      this.#location = transport.location(endpoint, new URL(endpoint.base), known);
      this.#offset = (await this.#ask()) ?? 0;
    } catch (error) {
      // It may answer anything to what it does not know any more.
      const refused = error instanceof NacreError && ["invalid", "corrupt"].includes(error.kind);
      if (!refused) throw error;
      this.#offset = 0;
    }
    if (this.#offset === 0) memory?.forget(this.#source.digest);
    else this.#keep();
    return this.#offset > 0;
  }

  #keep(): void {
    if (this.#source.sizeBytes <= WHOLE_BYTES) return;
    this.#options.memory?.keep(this.#source.digest, this.#location.href);
  }

  /** `again` begins anew where the registry has forgotten what it had. */
  async run(again: () => Promise<URL>): Promise<void> {
    let failures = 0;
    for (let connection = 1; ; connection++) {
      const before = this.#offset;
      try {
        await this.#attempt();
        if (this.#source.sizeBytes > WHOLE_BYTES) this.#options.memory?.forget(this.#source.digest);
        return;
      } catch (error) {
        const lasting = !isPassing(error) || this.#options.signal?.aborted === true;
        if (lasting || connection === MAX_CONNECTIONS) throw error;
        const known = await this.#ask();
        if (known === undefined) {
          this.at(await again());
        } else this.#offset = known;
        failures = this.#offset > before ? 1 : failures + 1;
        if (failures >= MAX_ATTEMPTS) throw error;
      }
      await this.#exchange.clock.sleep(backoffMs(failures), this.#options.signal);
    }
  }

  async #attempt(): Promise<void> {
    const { sizeBytes } = this.#source;
    const whole = this.#offset === 0 && sizeBytes <= Math.min(WHOLE_BYTES, this.#chunkBytes);
    while (!whole && this.#offset < sizeBytes) await this.#part();
    await this.#finish(whole ? sizeBytes : 0);
    this.#options.sent?.(sizeBytes);
  }

  async #part(): Promise<void> {
    const from = this.#offset;
    const length = Math.min(this.#source.sizeBytes - from, this.#chunkBytes);
    const response = await this.#send({
      method: "PATCH",
      path: this.#location,
      headers: {
        "content-type": "application/octet-stream",
        "content-length": String(length),
        "content-range": `${from}-${from + length - 1}`,
      },
      expected: [201, 202, 204],
      once: true,
      body: () => this.#counted(from, length),
    });
    await response.cancel();
    this.#location = locationOf(this.#exchange, this.#location, response);
    this.#offset = from + length;
    this.#keep();
  }

  async #finish(length: number): Promise<void> {
    const url = new URL(this.#location);
    url.searchParams.set("digest", this.#source.digest);
    const response = await this.#send({
      method: "PUT",
      path: url,
      headers: { "content-type": "application/octet-stream", "content-length": String(length) },
      expected: [201, 202, 204],
      once: true,
      ...(length > 0 && { body: () => this.#counted(0, length) }),
    });
    await response.cancel();
  }

  async *#counted(from: number, length: number): AsyncGenerator<Uint8Array> {
    let at = from;
    for await (const chunk of this.#source.read(from, length)) {
      yield chunk;
      at += chunk.length;
      this.#options.sent?.(at);
    }
  }

  /** How much has arrived; undefined where the upload is no more. */
  async #ask(): Promise<number | undefined> {
    const response = await this.#send({
      method: "GET",
      path: this.#location,
      expected: [202, 204, 404],
    });
    await response.cancel();
    if (response.status === 404) return undefined;
    const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.range ?? "") ?? [];
    const { location } = response.headers;
    if (location !== undefined) {
      this.#location = locationOf(this.#exchange, this.#location, response);
    }
    // Without a word about it nothing has arrived; 0-0 says of some registries the same.
    const arrived = last === undefined || last === "0" ? 0 : Number(last) + 1;
    if (arrived > this.#source.sizeBytes) return undefined;
    return arrived;
  }
}

function locationOf(exchange: Exchange, from: URL, response: FetchResponse): URL {
  const { location } = response.headers;
  if (location !== undefined) {
    return exchange.transport.location(exchange.endpoint, from, location);
  }
  throw new NacreError(
    "corrupt",
    `the registry ${from.host} does not say where an upload goes on`,
    {
      advice: "It does not keep to the distribution specification: ask whoever runs it.",
    },
  );
}
