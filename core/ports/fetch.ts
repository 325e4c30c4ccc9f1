import { token } from "./token.ts";

export interface FetchRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
  /** A chunk of the answer's body need hold only until the next one is asked for: its memory may be used again. */
  readonly passing?: boolean;
}

export interface FetchResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Must be read to the end or cancelled, else the connection is not given back. */
  readonly body: AsyncIterable<Uint8Array>;
  text(limitBytes: number): Promise<string>;
  /** Lets go of a body that nobody reads. */
  cancel(): Promise<void>;
}

/**
 * One HTTP exchange. Redirects are NOT followed: whoever asks decides what may go to another host
 * (credentials may not). Proxies (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) and additional certificate
 * authorities are the adapter's. Errors: NacreError `unreachable` with host and reason,
 * `interrupted` when the signal aborts. HTTP statuses are answers, not errors.
 */
export interface Fetch {
  fetch(request: FetchRequest): Promise<FetchResponse>;
}

export const Fetch = token<Fetch>("Fetch");
