// Who may read: nobody is asked, or Basic, or Bearer with a token server of its own at /token
// (distribution spec, "Token authentication").

import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";

export type Access =
  | { readonly kind: "open" }
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | {
      readonly kind: "bearer";
      readonly username?: string;
      readonly password?: string;
      /** Accepted as refresh_token by POST. */
      readonly identityToken?: string;
      /** Whether a token is given to those without credentials. */
      readonly anonymous?: boolean;
      /** Another token server than our own /token. */
      readonly realm?: string;
      readonly lifetimeS?: number;
      /** Tokens are given, and none is ever accepted. */
      readonly never?: boolean;
    };

export interface TokenAnswer {
  readonly status: number;
  readonly body: object;
}

/** Issues tokens and recognises them. */
export class Gatekeeper {
  readonly #access: Access;
  readonly #tokens = new Map<string, string>();

  constructor(access: Access) {
    this.#access = access;
  }

  /** The challenge for a request that may not go on; undefined if it may. */
  challenge(request: IncomingMessage, base: string, repository: string): string | undefined {
    const access = this.#access;
    const { authorization = "" } = request.headers;
    if (access.kind === "open") return undefined;
    if (access.kind === "basic") {
      const right = authorization === basic(access.username, access.password);
      return right ? undefined : 'Basic realm="nacre registry"';
    }
    const scope = `repository:${repository}:pull`;
    const granted = this.#tokens.get(authorization.replace(/^Bearer /, ""));
    // Whoever has any token is known where no repository is asked for.
    const enough = repository === "" ? granted !== undefined : granted === scope;
    if (enough && !access.never) return undefined;
    const realm = access.realm ?? `${base}/token`;
    return `Bearer realm="${realm}",service="nacre registry",scope="${scope}"`;
  }

  /** Answers a request for a token; `body` is what a POST brought. */
  token(request: IncomingMessage, url: URL, body: string): TokenAnswer {
    const access = this.#access;
    if (access.kind !== "bearer") return { status: 404, body: {} };
    const fields = request.method === "POST" ? new URLSearchParams(body) : url.searchParams;
    if (!this.#mayHave(access, request, fields)) {
      return { status: 401, body: { errors: [{ code: "UNAUTHORIZED", message: "who is it?" }] } };
    }
    const token = randomBytes(16).toString("hex");
    this.#tokens.set(token, fields.get("scope") ?? "");
    const lifetime = access.lifetimeS === undefined ? {} : { expires_in: access.lifetimeS };
    const name = request.method === "POST" ? "access_token" : "token";
    return { status: 200, body: { [name]: token, ...lifetime } };
  }

  #mayHave(
    access: Access & { kind: "bearer" },
    request: IncomingMessage,
    fields: URLSearchParams,
  ): boolean {
    if (request.method === "POST") {
      return (
        access.identityToken !== undefined &&
        fields.get("grant_type") === "refresh_token" &&
        fields.get("refresh_token") === access.identityToken
      );
    }
    const { authorization } = request.headers;
    if (authorization === undefined) return access.anonymous === true;
    const { username, password } = access;
    return username !== undefined && authorization === basic(username, password ?? "");
  }
}

/** The value of an Authorization header (RFC 7617). */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
