// Who we are to a registry. Three ways, and the registry chooses by its challenge:
//
//   anonymous  nothing is asked
//   Basic      user and password go with every request
//   Bearer     a token from the realm's server goes with every request. The token is for one scope
//              (`repository:library/debian:pull`) and a few minutes. Without credentials one asks
//              for an anonymous token; with user and password by GET (distribution spec, "Token
//              authentication"); with an identity token by POST (OAuth2, RFC 6749 section 6).
//
// Credentials go to the registry that they are for and to the realm that this registry named over
// a connection nobody can have changed. They never go to another host.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Credential, CredentialStore } from "@nacre/core/ports/credential-store.ts";
import type { Fetch, FetchResponse } from "@nacre/core/ports/fetch.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Endpoint } from "./endpoints.ts";
import { isLoopback } from "./endpoints.ts";
import { type Asked, printable, unauthorized } from "./failure.ts";
import { withRetries } from "./retry.ts";

const TOKEN_BODY_LIMIT_BYTES = 1 << 20;
/** What a token lives if its server does not say (distribution spec). */
const DEFAULT_LIFETIME_S = 60;
/** A token is not used in its last seconds, so that it does not end on its way. */
const MARGIN_MS = 10_000;

/** What is asked for, for messages. */
type Purpose = Pick<Asked, "what" | "action">;

/** An answer to a challenge. */
export interface Held {
  /** The Authorization field. */
  readonly header: string;
  /** Whether credentials were behind it, or it is what anybody gets. */
  readonly known: boolean;
  readonly expiresMs: number;
}

export class Authorization {
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #credentials: CredentialStore;
  readonly #held = new Map<string, Held>();
  readonly #pending = new Map<string, Promise<Held>>();

  constructor(fetch: Fetch, clock: Clock, credentials: CredentialStore) {
    this.#fetch = fetch;
    this.#clock = clock;
    this.#credentials = credentials;
  }

  /** What served the last request of this scope, while it is valid. */
  held(endpoint: Endpoint, scope: string): Held | undefined {
    const held = this.#held.get(keyOf(endpoint, scope));
    return held && held.expiresMs > this.#clock.monotonicMs() ? held : undefined;
  }

  /**
   * Answers a challenge. Requests that are challenged at the same time
   * share one answer.
   * @throws NacreError `unauthorized` if there is none
   */
  answer(
    endpoint: Endpoint,
    scope: string,
    field: string,
    purpose: Purpose,
    signal?: AbortSignal,
  ): Promise<Held> {
    const key = keyOf(endpoint, scope);
    const running = this.#pending.get(key);
    if (running) return running;
    const answer = this.#answer(endpoint, scope, field, purpose, signal).finally(() =>
      this.#pending.delete(key),
    );
    this.#pending.set(key, answer);
    return answer;
  }

  async #answer(
    endpoint: Endpoint,
    scope: string,
    field: string,
    purpose: Purpose,
    signal?: AbortSignal,
  ): Promise<Held> {
    const challenges = parseChallenges(field);
    const credential = await this.#credentials.find(endpoint.credentialsFor);
    const host = new URL(endpoint.base).host;
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    let held: Held;
    if (bearer) {
      held = await this.#token({
        endpoint,
        scope,
        purpose,
        host,
        challenge: bearer,
        credential,
        signal,
      });
    } else if (challenges.some(({ scheme }) => scheme === "basic")) {
      if (credential?.kind !== "password") {
        throw unauthorized(
          { ...purpose, host, authenticated: credential !== undefined },
          "HTTP 401",
        );
      }
      const header = basic(credential.username, credential.password);
      held = { header, known: true, expiresMs: Number.POSITIVE_INFINITY };
    } else {
      const names = printable(challenges.map(({ scheme }) => scheme).join(", ")) || "none";
      throw new NacreError(
        "unauthorized",
        `the registry ${host} wants an authentication that is not supported (${names})`,
        {
          operation: `${purpose.action ?? "pull"} ${purpose.what}`,
          advice: "Basic and Bearer are supported.",
        },
      );
    }
    this.#held.set(keyOf(endpoint, scope), held);
    return held;
  }

  async #token(question: TokenQuestion): Promise<Held> {
    const { purpose, host, credential, signal } = question;
    const realm = realmOf(question);
    const response = await withRetries(this.#clock, signal, () =>
      this.#fetch.fetch({ ...tokenRequest(realm, question), ...(signal ? { signal } : {}) }),
    );
    if (response.status !== 200) {
      await response.cancel();
      const asked = { ...purpose, host, authenticated: credential !== undefined };
      throw unauthorized(asked, `HTTP ${response.status} from ${realm.host}`);
    }
    const { token, lifetimeS } = await readToken(response, realm.host);
    return {
      header: `Bearer ${token}`,
      known: credential !== undefined,
      expiresMs: this.#clock.monotonicMs() + Math.max(lifetimeS * 1000 - MARGIN_MS, 1000),
    };
  }
}

interface TokenQuestion {
  readonly endpoint: Endpoint;
  readonly scope: string;
  readonly purpose: Purpose;
  readonly host: string;
  readonly challenge: Challenge;
  readonly credential: Credential | undefined;
  readonly signal: AbortSignal | undefined;
}

const keyOf = (endpoint: Endpoint, scope: string): string => `${endpoint.base} ${scope}`;

/** RFC 7617: the text is UTF-8. */
function basic(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
}

/** The realm's URL, if it is one that may learn what we know. */
function realmOf({ endpoint, challenge, host }: TokenQuestion): URL {
  const text = challenge.parameters.get("realm") ?? "";
  const url = URL.parse(text);
  const secure = url?.protocol === "https:";
  const plain = url?.protocol === "http:" && (endpoint.plainHttp || isLoopback(url.hostname));
  // A registry that was asked over TLS must not send us where everybody listens.
  if (url && (secure || (plain && endpoint.base.startsWith("http:")))) return url;
  throw new NacreError(
    "unauthorized",
    `the registry ${host} sends to ${JSON.stringify(printable(text))} for a token, which is not a safe place to ask`,
    { advice: "A token's server must be asked over https." },
  );
}

function tokenRequest(realm: URL, { challenge, scope, credential }: TokenQuestion) {
  const service = challenge.parameters.get("service");
  const fields = new URLSearchParams();
  if (service !== undefined) fields.set("service", service);
  if (scope !== "") fields.set("scope", scope);
  if (credential?.kind === "identity-token") {
    fields.set("grant_type", "refresh_token");
    fields.set("refresh_token", credential.token);
    fields.set("client_id", "nacre");
    return {
      method: "POST" as const,
      url: realm.href,
      headers: {
        accept: "application/json",
        "content-type": "application/x-www-form-urlencoded",
      },
      body: new TextEncoder().encode(fields.toString()),
    };
  }
  const url = new URL(realm);
  for (const [name, value] of fields) url.searchParams.set(name, value);
  // Several are one field each here, and one text in a form (RFC 6749, section 3.3).
  url.searchParams.delete("scope");
  for (const one of scope.split(" ").filter(Boolean)) url.searchParams.append("scope", one);
  if (credential) url.searchParams.set("account", credential.username);
  const headers: Record<string, string> = { accept: "application/json" };
  if (credential) headers.authorization = basic(credential.username, credential.password);
  return { method: "GET" as const, url: url.href, headers };
}

async function readToken(
  response: FetchResponse,
  host: string,
): Promise<{ token: string; lifetimeS: number }> {
  let answer: { token?: unknown; access_token?: unknown; expires_in?: unknown } | null = null;
  try {
    answer = JSON.parse(await response.text(TOKEN_BODY_LIMIT_BYTES));
  } catch (error) {
    if (error instanceof NacreError && error.kind !== "corrupt") throw error;
  }
  const token = answer?.token || answer?.access_token;
  // The token becomes part of a header field: no line break may get there.
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    throw new NacreError("unauthorized", `${host} answered without a token`, {
      advice: "Try again later, or ask whoever runs it.",
    });
  }
  const lifetime = answer?.expires_in;
  const known = typeof lifetime === "number" && lifetime > 0;
  return { token, lifetimeS: known ? lifetime : DEFAULT_LIFETIME_S };
}
