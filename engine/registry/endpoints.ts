// Where to ask for an image: the registry that its name says, mirrors before it, and whether a
// connection may do without TLS.

import { NacreError } from "@nacre/core/error.ts";

/** What a person configured for one registry. */
export interface RegistryConfig {
  /** Asked in order, before the registry itself: `https://mirror.example[:port][/prefix]`. */
  readonly mirrors?: readonly string[];
  /** Plain HTTP where HTTPS does not answer, as for registries on loopback. */
  readonly insecure?: boolean;
}

/** By domain as references have it: `docker.io`, `registry.example:5000`. */
export type RegistriesConfig = Readonly<Record<string, RegistryConfig>>;

/** One server that may have an image. */
export interface Endpoint {
  /** `https://registry-1.docker.io`, without a slash at its end. */
  readonly base: string;
  /** Under which credentials are looked up: `docker.io`, or the mirror's own host. */
  readonly credentialsFor: string;
  /** Whether plain HTTP is allowed beyond loopback, also for redirects and token servers. */
  readonly plainHttp: boolean;
  readonly mirror: boolean;
}

/** Hosts that are this machine: nobody on the network can read what goes there. */
export function isLoopback(hostname: string): boolean {
  const bare = hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return (
    bare === "localhost" ||
    bare.endsWith(".localhost") ||
    bare === "::1" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(bare)
  );
}

/** The host without its port: `[::1]:5000` → `[::1]`. */
function hostnameOf(domain: string): string {
  return domain.replace(/:\d+$/, "");
}

/**
 * The servers to ask for an image of `domain`, in order. Where plain HTTP is allowed it comes
 * first on loopback (what listens there rarely has a certificate) and second elsewhere.
 * @throws NacreError `invalid` for a mirror that is no URL, or plain HTTP without `insecure`
 */
export function endpointsFor(
  domain: string,
  config: RegistriesConfig,
  insecure = false,
): Endpoint[] {
  const own = Object.hasOwn(config, domain) ? config[domain]! : {};
  const plainHttp = insecure || own.insecure === true;
  return [
    ...(own.mirrors ?? []).map((mirror) => mirrorEndpoint(domain, mirror, plainHttp)),
    ...registryEndpoints(domain, plainHttp),
  ];
}

function registryEndpoints(domain: string, plainHttp: boolean): Endpoint[] {
  const host = domain === "docker.io" ? "registry-1.docker.io" : domain;
  const endpoint = (scheme: string): Endpoint => ({
    base: `${scheme}://${host}`,
    credentialsFor: domain,
    plainHttp,
    mirror: false,
  });
  if (isLoopback(hostnameOf(host))) return [endpoint("http"), endpoint("https")];
  return plainHttp ? [endpoint("https"), endpoint("http")] : [endpoint("https")];
}

function mirrorEndpoint(domain: string, text: string, insecure: boolean): Endpoint {
  const url = URL.parse(text.includes("://") ? text : `https://${text}`);
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "") {
    throw new NacreError(
      "invalid",
      `the mirror ${JSON.stringify(text)} of ${domain} is not a URL`,
      {
        advice: "A mirror looks like https://mirror.example, without user and query.",
      },
    );
  }
  if (url.protocol === "http:" && !insecure && !isLoopback(url.hostname)) {
    throw new NacreError("invalid", `the mirror ${text} of ${domain} would be asked without TLS`, {
      advice: `Use https, or set "insecure": true for ${domain}.`,
    });
  }
  return {
    base: url.href.replace(/\/+$/, "").replace(/\/v2$/, ""),
    credentialsFor: url.host,
    plainHttp: insecure,
    mirror: true,
  };
}
