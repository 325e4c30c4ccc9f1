// One authorised exchange with a registry: retries, challenges and redirects.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Fetch, FetchRequest, FetchResponse } from "@nacre/core/ports/fetch.ts";
import type { Authorization } from "./authorization.ts";
import { type Endpoint, isLoopback } from "./endpoints.ts";
import { refusal } from "./failure.ts";
import { withRetries } from "./retry.ts";

const MAX_REDIRECTS = 8;
const USER_AGENT = "nacre";

export interface RegistryRequest {
  readonly method: FetchRequest["method"];
  /** From the endpoint's base: `/v2/library/debian/manifests/12`; or a whole URL that the registry named, which need not be its own. */
  readonly path: string | URL;
  readonly headers: Readonly<Record<string, string>>;
  /** What a token must allow: `repository:library/debian:pull`. */
  readonly scope: string;
  /** For messages: `debian:12`. */
  readonly what: string;
  readonly signal: AbortSignal | undefined;
  /** Statuses besides 200 that the caller deals with. */
  readonly expected?: readonly number[];
  /** Makes the body, anew for each attempt. */
  readonly body?: () => NonNullable<FetchRequest["body"]>;
  /** Whether a failure that passes is the caller's to mend: what was sent in part is not sent again. */
  readonly once?: boolean;
  /** As FetchRequest has it. */
  readonly passing?: boolean | undefined;
  /** For messages: `pull` if absent. */
  readonly action?: string;
}

export class Transport {
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #authorization: Authorization;

  constructor(fetch: Fetch, clock: Clock, authorization: Authorization) {
    this.#fetch = fetch;
    this.#clock = clock;
    this.#authorization = authorization;
  }

  /**
   * The answer to `request`, with status 200 or an expected one.
   * @throws NacreError `not-found`, `unauthorized`, `unreachable`, `invalid`
   */
  async send(endpoint: Endpoint, request: RegistryRequest): Promise<FetchResponse> {
    const { scope, what, signal, action } = request;
    const purpose = { what, ...(action !== undefined && { action }) };
    let held = this.#authorization.held(endpoint, scope);
    let response = await this.#attempt(endpoint, request, held?.header);
    if (response.status === 401) {
      const challenge = response.headers["www-authenticate"];
      if (challenge !== undefined) {
        await response.cancel();
        held = await this.#authorization.answer(
          ...([endpoint, scope, challenge, purpose, signal] as const),
        );
        // Once only: whoever refuses a fresh answer would refuse the next one, too.
        response = await this.#attempt(endpoint, request, held.header);
      }
    }
    const { status } = response;
    if (status === 200 || request.expected?.includes(status)) return response;
    throw await refusal(response, {
      ...purpose,
      host: new URL(endpoint.base).host,
      authenticated: held?.known === true,
    });
  }

  /** Fetches a foreign URL: as a stranger, with nothing that says who we are. */
  async sendForeign(
    url: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<FetchResponse> {
    const target = URL.parse(url);
    if (target?.protocol !== "https:" && !(target && isLoopback(target.hostname))) {
      throw new NacreError("invalid", `a layer's foreign URL is not an https one: ${url}`);
    }
    return withRetries(this.#clock, signal, () =>
      this.#follow(target, { method: "GET", headers, signal }, undefined, false),
    );
  }

  #attempt(
    endpoint: Endpoint,
    request: RegistryRequest,
    authorization: string | undefined,
  ): Promise<FetchResponse> {
    const { path, once, signal } = request;
    const home = new URL(endpoint.base);
    const url = typeof path === "string" ? new URL(endpoint.base + path) : path;
    // What the registry says of another host is for that host: it learns nothing of us.
    const own = url.origin === home.origin;
    const attempt = async () => {
      const header = own ? authorization : undefined;
      const response = await this.#follow(url, request, header, endpoint.plainHttp);
      return own ? response : withoutChallenge(response);
    };
    return once ? attempt() : withRetries(this.#clock, signal, attempt);
  }

  /** Where a registry says that an upload goes on; see `redirected`. */
  location(endpoint: Endpoint, from: URL, location: string): URL {
    return redirected(from, location, endpoint.plainHttp);
  }

  /** Follows redirects. Credentials stay with the origin that they were for. */
  async #follow(
    start: URL,
    request: Pick<RegistryRequest, "method" | "headers" | "signal" | "body" | "passing">,
    authorization: string | undefined,
    plainHttp: boolean,
  ): Promise<FetchResponse> {
    let url = start;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const trusted = url.origin === start.origin && authorization !== undefined;
      const response = await this.#fetch.fetch({
        method: request.method,
        url: url.href,
        headers: {
          "user-agent": USER_AGENT,
          ...request.headers,
          ...(trusted ? { authorization } : {}),
        },
        ...(request.body ? { body: request.body() } : {}),
        ...(request.signal ? { signal: request.signal } : {}),
        ...(request.passing ? { passing: true } : {}),
      });
      const { location } = response.headers;
      if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) {
        return url.origin === start.origin ? response : withoutChallenge(response);
      }
      await response.cancel();
      url = redirected(url, location, plainHttp);
    }
    throw new NacreError("unreachable", `${start.host} redirects in circles`, {
      errno: "ELOOP",
      advice: "Ask whoever runs the registry.",
    });
  }
}

/** The next place; never from TLS to plain HTTP, and plain HTTP only where it is allowed. */
function redirected(from: URL, location: string, plainHttp: boolean): URL {
  const to = URL.parse(location, from.href);
  const plain = to?.protocol === "http:" && from.protocol === "http:";
  const allowed = plain && (plainHttp || isLoopback(to.hostname));
  if (to && (to.protocol === "https:" || allowed) && to.username === "") return to;
  throw new NacreError(
    "unreachable",
    `${from.host} redirects to ${to ? `${to.protocol}//${to.host}` : "no URL"}, which is refused`,
    {
      errno: "ELOOP",
      advice: "Only https is followed, or http where the registry itself is insecure.",
    },
  );
}

/** Another host's challenge is not for us to answer: our credentials are not its business. */
function withoutChallenge(response: FetchResponse): FetchResponse {
  if (response.status !== 401) return response;
  const { "www-authenticate": _, ...headers } = response.headers;
  return { ...bound(response), headers };
}

function bound(response: FetchResponse): FetchResponse {
  return {
    status: response.status,
    headers: response.headers,
    body: response.body,
    text: (limitBytes) => response.text(limitBytes),
    cancel: () => response.cancel(),
  };
}
