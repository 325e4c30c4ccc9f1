// The client side of the OCI distribution specification 1.1, as far as pulling goes, and of
// Docker's schema 2, which differs in media types only.
//
//   GET /v2/NAME/manifests/TAG-or-DIGEST   the manifest or index; verified here, since it is small
//   GET /v2/NAME/blobs/DIGEST              a config or layer, from any offset; verified by who stores it

import { concatenate } from "@nacre/core/bytes.ts";
import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { type Descriptor, MANIFEST_LIMIT_BYTES } from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { Credential, CredentialStore } from "@nacre/core/ports/credential-store.ts";
import type { Fetch, FetchResponse } from "@nacre/core/ports/fetch.ts";
import type { Reference } from "@nacre/core/reference.ts";
import { Authorization } from "./authorization.ts";
import { streamBlob } from "./blob-stream.ts";
import { type Endpoint, endpointsFor, type RegistriesConfig } from "./endpoints.ts";
import { ACCEPT, type ParsedManifest, parseManifest } from "./manifest.ts";
import { backoffMs, isPassing, MAX_ATTEMPTS } from "./retry.ts";
import { type RegistryRequest, Transport } from "./transport.ts";

export interface RegistryOptions {
  readonly registries?: RegistriesConfig;
}

/** A manifest or index as received: `bytes` hash to `digest`. */
export interface FetchedManifest {
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly parsed: ParsedManifest;
}

/**
 * Knows registries: their endpoints, what they let us do. Keeps tokens as long as it lives.
 *
 * ```ts
 * const repository = await registry.open(parseReference(core, "debian:12").withDefaultTag());
 * const { digest, parsed } = await repository.manifest("12");
 * for await (const chunk of repository.blob(parsed.manifest.layers[0]!, 0)) …
 * ```
 */
export class Registry {
  readonly #core: () => Core;
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #codec: Codec;
  readonly #transport: Transport;
  readonly #options: RegistryOptions;

  constructor(
    core: () => Core,
    fetch: Fetch,
    clock: Clock,
    codec: Codec,
    credentials: CredentialStore,
    options: RegistryOptions = {},
  ) {
    this.#core = core;
    this.#fetch = fetch;
    this.#clock = clock;
    this.#codec = codec;
    this.#transport = new Transport(fetch, clock, new Authorization(fetch, clock, credentials));
    this.#options = options;
  }

  /** The same for somebody with other credentials. */
  as(credential: Credential): Registry {
    const known = { find: async () => credential };
    return new Registry(
      ...([this.#core, this.#fetch, this.#clock, this.#codec, known, this.#options] as const),
    );
  }

  /** The repository of a reference. Asks nothing yet, but for which of http and https answers. */
  async open(
    reference: Reference,
    options: { readonly insecure?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<Repository> {
    const all = this.#endpoints(reference, options.insecure);
    const own = all.filter((endpoint) => !endpoint.mirror);
    const chosen = own.length > 1 ? await this.#answering(own, options.signal) : own;
    const endpoints = [...all.filter((endpoint) => endpoint.mirror), ...chosen];
    return new Repository(this.#core, this.#clock, this.#codec, this.#transport, {
      endpoints,
      reference,
      signal: options.signal,
    });
  }

  /** What writing to a repository needs: the registry itself, never a mirror. */
  async exchange(
    reference: Reference,
    options: { readonly insecure?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<Exchange> {
    const all = this.#endpoints(reference, options.insecure);
    const own = all.filter((endpoint) => !endpoint.mirror);
    const [endpoint] = own.length > 1 ? await this.#answering(own, options.signal) : own;
    const { signal } = options;
    return {
      ...{ transport: this.#transport, clock: this.#clock, endpoint: endpoint! },
      ...{ path: reference.path, signal },
    };
  }

  #endpoints({ domain }: Reference, insecure: boolean | undefined): Endpoint[] {
    return endpointsFor(domain, this.#options.registries ?? {}, insecure);
  }

  /** The one of a registry's endpoints that speaks its protocol; all of them if none answers. */
  async #answering(endpoints: readonly Endpoint[], signal?: AbortSignal): Promise<Endpoint[]> {
    for (const endpoint of endpoints) {
      try {
        const url = `${endpoint.base}/v2/`;
        const headers = {};
        const request = { method: "GET" as const, url, headers, ...(signal ? { signal } : {}) };
        const response = await this.#fetch.fetch(request);
        await response.cancel();
        // 400 is what a TLS server answers to plain HTTP.
        if (response.status !== 400) return [endpoint];
      } catch (error) {
        if (!(error instanceof NacreError) || error.kind !== "unreachable") throw error;
      }
    }
    return [...endpoints];
  }
}

/** One repository at one endpoint. */
export interface Exchange {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly endpoint: Endpoint;
  /** The repository's: `library/debian`. */
  readonly path: string;
  readonly signal: AbortSignal | undefined;
}

interface BlobWishes {
  readonly signal?: AbortSignal | undefined;
  readonly passing?: boolean;
}

interface RepositoryOptions {
  readonly endpoints: readonly Endpoint[];
  readonly reference: Reference;
  readonly signal: AbortSignal | undefined;
}

/** One repository, asked at its mirrors first. */
export class Repository {
  readonly #core: () => Core;
  readonly #clock: Clock;
  readonly #codec: Codec;
  readonly #transport: Transport;
  readonly #options: RepositoryOptions;
  readonly #what: string;
  readonly #scope: string;

  constructor(
    core: () => Core,
    clock: Clock,
    codec: Codec,
    transport: Transport,
    options: RepositoryOptions,
  ) {
    this.#core = core;
    this.#clock = clock;
    this.#codec = codec;
    this.#transport = transport;
    this.#options = options;
    this.#what = options.reference.familiar();
    this.#scope = `repository:${options.reference.path}:pull`;
  }

  /**
   * A manifest or index by tag or digest.
   * @throws NacreError `not-found`, `unauthorized`, `unreachable`, `corrupt`, `unsupported`
   */
  async manifest(tagOrDigest: string): Promise<FetchedManifest> {
    const { digest, bytes, mediaType } = await this.document(tagOrDigest);
    return { digest, bytes, parsed: parseManifest(this.#core(), bytes, mediaType, this.#what) };
  }

  /** The same of any type, `accept` too, by what the registry says that it is. */
  document(
    tagOrDigest: string,
    accept = ACCEPT,
  ): Promise<{ readonly digest: string; readonly bytes: Uint8Array; readonly mediaType: string }> {
    const { path } = this.#options.reference;
    return this.#first(async (endpoint) => {
      const { headers, bytes } = await this.#document(endpoint, {
        method: "GET",
        path: `/v2/${path}/manifests/${tagOrDigest}`,
        headers: { accept },
        ...this.#common(),
      });
      const digest = this.#verify(bytes, tagOrDigest, headers["docker-content-digest"]);
      return { digest, bytes, mediaType: headers["content-type"] ?? "" };
    });
  }

  /** A whole answer; one that breaks off is asked for again. */
  async #document(endpoint: Endpoint, request: RegistryRequest) {
    for (let failures = 1; ; failures++) {
      const response = await this.#transport.send(endpoint, request);
      try {
        const what = `the manifest of ${this.#what}`;
        const bytes = await readWhole(response, MANIFEST_LIMIT_BYTES, what);
        return { headers: response.headers, bytes };
      } catch (error) {
        if (!isPassing(error) || failures === MAX_ATTEMPTS) throw error;
      }
      await this.#clock.sleep(backoffMs(failures), request.signal);
    }
  }

  /**
   * The bytes of a blob from `offset` on, over as many connections as it takes; exactly
   * `descriptor.size - offset` of them, or an error. Their digest is the reader's to check. With
   * `passing` a chunk holds until the next one is asked for.
   */
  blob(
    descriptor: Descriptor,
    offset: number,
    { signal = this.#options.signal, passing = false }: BlobWishes = {},
  ): AsyncIterable<Uint8Array> {
    return streamBlob(
      this.#clock,
      (from, ranged) => this.#openBlob(descriptor, from, ranged, { signal, passing }),
      descriptor,
      { offset, what: this.#what, host: this.#host(), signal },
    );
  }

  /** A small blob as a whole, verified. */
  async smallBlob(descriptor: Descriptor, limitBytes: number): Promise<Uint8Array> {
    if (descriptor.size > limitBytes) {
      throw new NacreError(
        "corrupt",
        `${descriptor.digest} of ${this.#what} says that it has ${descriptor.size} bytes, which is more than the ${limitBytes} that are allowed`,
      );
    }
    const bytes = new Uint8Array(descriptor.size);
    let at = 0;
    for await (const chunk of this.blob(descriptor, 0)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    this.#verify(bytes, descriptor.digest, undefined);
    return bytes;
  }

  async #openBlob(
    descriptor: Descriptor,
    from: number,
    ranged: boolean,
    { signal, passing }: BlobWishes,
  ): Promise<FetchResponse> {
    const { path } = this.#options.reference;
    const headers = ranged ? { range: `bytes=${from}-` } : {};
    try {
      return await this.#first((endpoint) =>
        this.#transport.send(endpoint, {
          method: "GET",
          path: `/v2/${path}/blobs/${descriptor.digest}`,
          // A proxy on the way must not compress: offsets and digests are those of the blob.
          headers: { accept: "*/*", "accept-encoding": "identity", ...headers },
          expected: [206, 416],
          ...this.#common(),
          ...{ signal, passing },
        }),
      );
    } catch (error) {
      const lasting = !(error instanceof NacreError) || error.kind !== "not-found";
      if (lasting || !descriptor.urls) throw error;
      return this.#openForeign(descriptor.urls, headers, signal, error);
    }
  }

  async #openForeign(
    urls: readonly string[],
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
    reason: NacreError,
  ): Promise<FetchResponse> {
    for (const url of urls) {
      const response = await this.#transport.sendForeign(url, headers, signal);
      if ([200, 206, 416].includes(response.status)) return response;
      await response.cancel();
    }
    throw reason;
  }

  /** Asks one endpoint after the other until one has it. */
  async #first<T>(ask: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    let failure: unknown;
    for (const endpoint of this.#options.endpoints) {
      try {
        return await ask(endpoint);
      } catch (error) {
        // Not with the mirror's, but with the registry's own reason we end.
        failure = endpoint.mirror || failure === undefined ? error : failure;
        if (!endpoint.mirror && !isUnreachable(error)) throw error;
        if (error instanceof NacreError && error.kind === "interrupted") throw error;
      }
    }
    throw failure;
  }

  /** The digest of `bytes`, if it is what was asked for and what the registry says. */
  #verify(bytes: Uint8Array, asked: string, said: string | undefined): string {
    const wanted = asked.includes(":") ? asked : undefined;
    const computed = (like: string): string => {
      const hasher = this.#codec.hasher(like.startsWith("sha512:") ? "sha512" : "sha256");
      hasher.update(bytes);
      return hasher.digest();
    };
    for (const expected of [wanted, said]) {
      if (expected === undefined || !/^sha(256|512):/.test(expected)) continue;
      const actual = computed(expected);
      if (actual !== expected) throw this.#mismatch(expected, actual);
    }
    return wanted ?? computed("sha256:");
  }

  #mismatch(expected: string, actual: string): NacreError {
    return new NacreError(
      "corrupt",
      `the registry ${this.#host()} sent other bytes for ${this.#what} than it promised: expected ${expected}, got ${actual}`,
      {
        operation: `pull ${this.#what}`,
        advice: "Try again; if it stays so, the registry or a proxy on the way is broken.",
      },
    );
  }

  #host(): string {
    return new URL(this.#options.endpoints.at(-1)!.base).host;
  }

  #common() {
    return { scope: this.#scope, what: this.#what, signal: this.#options.signal };
  }
}

const isUnreachable = (error: unknown): boolean =>
  error instanceof NacreError && error.kind === "unreachable";

async function readWhole(
  response: FetchResponse,
  limitBytes: number,
  what: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    // Leaving the loop lets go of the connection.
    if (size > limitBytes) {
      throw new NacreError("corrupt", `${what} is larger than ${limitBytes >> 20} MiB`, {
        advice: "No image needs that: whoever serves it must correct it.",
      });
    }
    chunks.push(chunk);
  }
  return concatenate(chunks);
}
