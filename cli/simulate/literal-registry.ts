// The registries of a simulated network: each domain that a literal image is named after has one.

import type { Core } from "@nacre/core/core.ts";
import { MEDIA } from "@nacre/core/oci/image.ts";
import { parseReference } from "@nacre/core/reference.ts";
import type { Handler, SimulatedAnswer } from "@nacre/simulated/fetch.ts";
import type { LiteralImage } from "./image-literal.ts";

const NOT_FOUND: SimulatedAnswer = {
  status: 404,
  headers: { "content-type": "application/json" },
  body: '{"errors":[{"code":"NAME_UNKNOWN","message":"no such image in this simulation"}]}',
};

class LiteralRegistry {
  /** By `PATH:TAG` and `PATH@DIGEST`. */
  readonly #manifests = new Map<string, LiteralImage>();
  readonly #blobs = new Map<string, Uint8Array>();

  add(path: string, tag: string, image: LiteralImage): void {
    this.#manifests.set(`${path}:${tag}`, image);
    this.#manifests.set(`${path}:${image.digest}`, image);
    for (const [digest, bytes] of image.blobs) this.#blobs.set(digest, bytes);
  }

  readonly handle: Handler = ({ method }, { pathname }) => {
    if (pathname === "/v2/") return {};
    const [, path = "", kind, name = ""] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(pathname) ?? [];
    const image = this.#manifests.get(`${path}:${name}`);
    const body = kind === "blobs" ? this.#blobs.get(name) : image?.manifest;
    if (!body) return NOT_FOUND;
    const headers = {
      "content-type": kind === "blobs" ? "application/octet-stream" : MEDIA.ociManifest,
      "content-length": String(body.length),
      ...(image && { "docker-content-digest": image.digest }),
    };
    return { headers, body: method === "HEAD" ? "" : body };
  };
}

/** Handlers by origin, for SimulatedFetch. */
export function literalRegistries(
  core: Core,
  images: ReadonlyMap<string, LiteralImage>,
): Record<string, Handler> {
  const registries = new Map<string, LiteralRegistry>([["docker.io", new LiteralRegistry()]]);
  for (const [name, image] of images) {
    const { domain, path, tag } = parseReference(core, name);
    const registry = registries.get(domain) ?? new LiteralRegistry();
    registries.set(domain, registry);
    registry.add(path, tag ?? "latest", image);
  }
  return Object.fromEntries(
    [...registries].flatMap(([domain, { handle }]) => {
      const host = domain === "docker.io" ? "registry-1.docker.io" : domain;
      return [`https://${host}`, `http://${host}`].map((origin) => [origin, handle] as const);
    }),
  );
}
