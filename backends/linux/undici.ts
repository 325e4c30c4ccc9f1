// The parts of undici that are used, for proxies. Its entry loads fetch, WebSockets, caches, mocks
// and HTTP/2 besides, which took a pull 20 ms with compiled code at hand, and 40 without.

import type { EnvHttpProxyAgent as ProxyClass } from "undici";
import connect from "undici/lib/api/api-connect.js";
import request from "undici/lib/api/api-request.js";
import dispatcher from "undici/lib/dispatcher/dispatcher.js";
import proxyAgent from "undici/lib/dispatcher/env-http-proxy-agent.js";

// As its entry does it, with more ways to ask. Through a proxy it asks with `connect`.
Object.assign((dispatcher as { prototype: object }).prototype, { request, connect });

export const EnvHttpProxyAgent = proxyAgent as typeof ProxyClass;
