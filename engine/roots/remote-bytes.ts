// What an HTTP server has at an address, for tars that are imported.

import { NacreError } from "@nacre/core/error.ts";
import type { Fetch } from "@nacre/core/ports/fetch.ts";

const MAX_REDIRECTS = 8;
const REDIRECTS = [301, 302, 303, 307, 308];

/** NacreError `not-found`, `unreachable`, `invalid` */
export async function* remoteBytes(fetch: Fetch, url: URL): AsyncGenerator<Uint8Array> {
  let at = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await fetch.fetch({ method: "GET", url: at.href, headers: {} });
    const { status, headers } = response;
    if (status === 200) {
      yield* response.body;
      return;
    }
    await response.cancel();
    const location = REDIRECTS.includes(status) ? headers.location : undefined;
    if (location === undefined) throw refused(at, status);
    const next = new URL(location, at);
    const downgraded = at.protocol === "https:" && next.protocol !== "https:";
    if (downgraded || !/^https?:$/.test(next.protocol)) {
      throw new NacreError("invalid", `${at.host} sends us on to ${next.protocol}//${next.host}`, {
        advice: "From a server that is who it says it is to one that need not be: get it by hand.",
      });
    }
    at = next;
  }
  throw new NacreError("invalid", `${url.host} sends us on more than ${MAX_REDIRECTS} times`);
}

function refused(url: URL, status: number): NacreError {
  const kind = status === 404 ? "not-found" : status >= 500 ? "unreachable" : "invalid";
  return new NacreError(kind, `${url.host} answers HTTP ${status} for ${url.pathname}`, {
    advice: "Check the address for typing errors.",
  });
}
