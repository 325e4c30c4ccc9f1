// Registries as such: who we are to them, and what they have.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Credential, CredentialStore } from "@nacre/core/ports/credential-store.ts";
import { parseReference, Reference, tryParseReference } from "@nacre/core/reference.ts";
import { printable } from "../registry/failure.ts";
import { jsonObject, nextPage, textsOf } from "../registry/json-answer.ts";
import type { Exchange, Registry } from "../registry/registry.ts";
import type {
  LoggedIn,
  LoginRequest,
  Registries,
  SearchOptions,
  SearchResult,
} from "../sharing-interface.ts";

const DOCKER_HUB = "docker.io";
const DEFAULT_LIMIT = 25;
/** Pages of a list that are read: no registry in its right mind has more. */
const MAX_PAGES = 200;
/** Where Docker Hub answers searches. */
const HUB_SEARCH = "https://index.docker.io";

type Reach = Pick<LoginRequest, "insecure" | "signal">;

export class RegistryDesk implements Omit<Registries, "logins" | "serve"> {
  readonly #core: () => Core;
  readonly #registry: Registry;
  readonly #credentials: CredentialStore;

  constructor(core: () => Core, registry: Registry, credentials: CredentialStore) {
    this.#core = core;
    this.#registry = registry;
    this.#credentials = credentials;
  }

  async login(server: string | undefined, request: LoginRequest = {}): Promise<LoggedIn> {
    const registry = this.#domain(server);
    const credential = request.credential ?? (await this.#credentials.find(registry));
    if (!credential) {
      throw new NacreError("unauthorized", `no credentials are kept for ${registry}`, {
        advice: "Give a user name, and a password on standard input.",
      });
    }
    await this.#try(registry, credential, request);
    if (!request.credential) return { registry };
    const { store } = this.#credentials;
    if (!store) throw noKeeper();
    const keptIn = await this.#credentials.store?.(registry, credential);
    return { registry, ...(keptIn !== undefined && { keptIn }) };
  }

  async logout(server: string | undefined) {
    const registry = this.#domain(server);
    if (!this.#credentials.erase) throw noKeeper();
    return { registry, was: await this.#credentials.erase(registry) };
  }

  async search(term: string, options: SearchOptions = {}): Promise<SearchResult[]> {
    const { limit = DEFAULT_LIMIT } = options;
    const [, domain = DOCKER_HUB, wanted = ""] =
      /^(?:((?:[^/]*[.:][^/]*)|localhost)\/)?(.*)$/.exec(term) ?? [];
    if (domain === DOCKER_HUB && wanted === "") {
      throw new NacreError("invalid", "nothing was given to search for");
    }
    const exchange = await this.#exchange(domain, options);
    const found = await this.#byIndex(exchange, domain, wanted, limit);
    return (found ?? (await this.#byCatalog(exchange, domain, wanted, limit))).slice(0, limit);
  }

  async tags(repository: string, options: Reach = {}): Promise<string[]> {
    const { domain, path } = parseReference(this.#core(), repository, "normalized");
    const exchange = await this.#exchange(domain, options);
    const scope = `repository:${path}:pull`;
    return this.#pages(exchange, `/v2/${path}/tags/list`, { scope, what: repository }, "tags");
  }

  async #try(registry: string, credential: Credential, reach: Reach): Promise<void> {
    const exchange = await this.#registry.as(credential).exchange(placeOf(registry), reach);
    try {
      const response = await send(exchange, "/v2/", { what: registry, action: "log in to" });
      await response.cancel();
    } catch (error) {
      if (!(error instanceof NacreError) || error.kind !== "unauthorized") throw error;
      throw new NacreError(
        "unauthorized",
        `the registry ${registry} refuses the user name or the password`,
        { advice: "Check both; some registries want a token in place of the password." },
      );
    }
  }

  /** Docker's old index, which Docker Hub and few others still answer. */
  async #byIndex(
    exchange: Exchange,
    domain: string,
    term: string,
    limit: number,
  ): Promise<SearchResult[] | undefined> {
    const query = new URLSearchParams({ q: term, n: String(limit) });
    const path = `/v1/search?${query}`;
    const place = domain === DOCKER_HUB ? new URL(`${HUB_SEARCH}${path}`) : path;
    const asked = { what: domain, action: "search" };
    const response = await send(exchange, place, { ...asked, expected: [404, 405] });
    if (response.status !== 200) {
      await response.cancel();
      return undefined;
    }
    const { results } = await jsonObject(response, `what ${domain} found`).catch((error) => {
      if (domain === DOCKER_HUB) throw error;
      return { results: undefined };
    });
    if (!Array.isArray(results)) return undefined;
    return results.flatMap((one: Readonly<Record<string, unknown>> | null) =>
      typeof one?.name === "string" ? [resultOf(domain, one, one.name)] : [],
    );
  }

  async #byCatalog(
    exchange: Exchange,
    domain: string,
    term: string,
    limit: number,
  ): Promise<SearchResult[]> {
    const asked = { scope: "registry:catalog:*", what: domain, action: "search" };
    const enough = (names: readonly string[]): boolean =>
      names.filter((name) => name.includes(term)).length >= limit;
    const names = await this.#pages(exchange, "/v2/_catalog", asked, "repositories", enough).catch(
      (error) => {
        const absent = error instanceof NacreError && ["not-found", "invalid"].includes(error.kind);
        if (!absent) throw error;
        throw new NacreError("unsupported", `the registry ${domain} offers no search`, {
          cause: error,
        });
      },
    );
    return names.filter((name) => name.includes(term)).map((name) => resultOf(domain, {}, name));
  }

  async #pages(
    exchange: Exchange,
    path: string,
    asked: { readonly scope: string; readonly what: string; readonly action?: string },
    field: string,
    enough: (names: readonly string[]) => boolean = () => false,
  ): Promise<string[]> {
    const names: string[] = [];
    let place: string | URL = path;
    for (let page = 0; page < MAX_PAGES; page++) {
      const response = await send(exchange, place, asked);
      const next = nextPage(response);
      const answer = await jsonObject(response, `the answer to ${path}`);
      names.push(...textsOf(answer[field]).map(printable));
      if (next === undefined || enough(names)) break;
      const { base } = exchange.endpoint;
      place = exchange.transport.location(exchange.endpoint, new URL(base + path), next);
    }
    return names;
  }

  async #exchange(domain: string, reach: Reach): Promise<Exchange> {
    return this.#registry.exchange(placeOf(domain), reach);
  }

  /** The domain that a person means: old spellings are URLs. NacreError `invalid`. */
  #domain(server: string | undefined): string {
    const bare = (server ?? DOCKER_HUB).replace(/^https?:\/\//, "").replace(/\/.*$/, "");
    if (["index.docker.io", "registry-1.docker.io", "docker.io"].includes(bare)) return DOCKER_HUB;
    const parsed = tryParseReference(this.#core(), `${bare}/x`, "normalized");
    if (typeof parsed !== "string" && parsed.domain === bare) return bare;
    throw new NacreError("invalid", `${JSON.stringify(server)} names no registry`, {
      advice: "A registry looks like registry.example or localhost:5000.",
    });
  }
}

const placeOf = (domain: string): Reference => new Reference(domain, "");

function send(
  { transport, endpoint, signal }: Exchange,
  path: string | URL,
  asked: {
    readonly scope?: string;
    readonly what: string;
    readonly action?: string;
    readonly expected?: readonly number[];
  },
) {
  const accept = { accept: "application/json" };
  return transport.send(endpoint, {
    ...{ method: "GET", path, headers: accept, scope: "", signal, ...asked },
  });
}

function resultOf(
  domain: string,
  one: Readonly<Record<string, unknown>>,
  name: string,
): SearchResult {
  const { description, star_count: stars, is_official: official } = one;
  const plain = printable(name).replace(/^library\//, "");
  return {
    name: domain === DOCKER_HUB ? plain : `${domain}/${printable(name)}`,
    description: typeof description === "string" ? printable(description) : "",
    stars: typeof stars === "number" ? stars : 0,
    official: official === true,
  };
}

const noKeeper = (): NacreError =>
  new NacreError("unsupported", "credentials cannot be kept here", {
    advice: "Whoever embeds the engine gives it a CredentialStore that keeps them.",
  });
