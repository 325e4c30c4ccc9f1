// The registries of a simulated network: each domain that a literal image is named after has one,
// and Docker Hub's is always there. They take what is pushed, and forget it with the simulation.

import type { Core } from "@nacre/core/core.ts";
import { sha256Digest } from "@nacre/core/digest.ts";
import { MEDIA } from "@nacre/core/oci/image.ts";
import { parseReference } from "@nacre/core/reference.ts";
import { MemoryRepositories } from "@nacre/plugin-registry/memory-repositories.ts";
import { RegistryProtocol } from "@nacre/plugin-registry/protocol.ts";
import type { Handler } from "@nacre/simulated/fetch.ts";
import type { LiteralImage } from "./image-literal.ts";

/** The protocol as a host of a simulated network. */
export function registryHost(repositories: MemoryRepositories): Handler {
  const protocol = new RegistryProtocol(repositories);
  return async ({ method, headers, body = new Uint8Array() }, url) => {
    const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    const answer = await protocol.answer({
      ...{ method, url, headers: Object.fromEntries(lower) },
      body: body instanceof Uint8Array ? one(body) : body,
    });
    const bare = method === "HEAD" || answer.body === undefined;
    return { ...answer, body: bare ? "" : answer.body };
  };
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

/** Handlers by origin, for SimulatedFetch. */
export function literalRegistries(
  core: Core,
  images: ReadonlyMap<string, LiteralImage>,
): Record<string, Handler> {
  const made = () => new MemoryRepositories((bytes) => sha256Digest(core, bytes));
  const registries = new Map<string, MemoryRepositories>([["docker.io", made()]]);
  for (const [name, { manifest, blobs }] of images) {
    const { domain, path, tag } = parseReference(core, name);
    const registry = registries.get(domain) ?? made();
    registries.set(domain, registry);
    for (const [digest, bytes] of blobs) registry.blobs.set(digest, bytes);
    registry.hold(path, tag ?? "latest", MEDIA.ociManifest, manifest);
  }
  return Object.fromEntries(
    [...registries].flatMap(([domain, repositories]) => {
      const host = domain === "docker.io" ? "registry-1.docker.io" : domain;
      const handle = registryHost(repositories);
      return [`https://${host}`, `http://${host}`].map((origin) => [origin, handle] as const);
    }),
  );
}
