// From a reference to everything that a registry says about the image: index, manifest, config.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import {
  type Descriptor,
  type ImageConfig,
  MANIFEST_LIMIT_BYTES,
  type Platform,
} from "@nacre/core/oci/image.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Reference } from "@nacre/core/reference.ts";
import type { EventBus } from "../event-bus.ts";
import { parseConfig } from "../registry/manifest.ts";
import {
  choosePlatform,
  offeredPlatforms,
  parsePlatform,
  platformText,
} from "../registry/platform.ts";
import type { FetchedManifest, Repository } from "../registry/registry.ts";
import type { Document } from "./documents.ts";

/** Everything about an image that its registry says. */
export interface Resolved {
  /** Of what the reference names: an index or a manifest. */
  readonly digest: string;
  readonly manifest: FetchedManifest;
  readonly layers: readonly Descriptor[];
  readonly config: ImageConfig;
  /** The digest of the config: the image's ID. */
  readonly id: string;
  /** The name that is to lead to it, and what that stands for; absent: the reference, and `digest`. */
  readonly named?: { readonly reference: string; readonly digest: string };
  /** To be kept beside the layers: index, manifest, config. */
  readonly documents: readonly Document[];
}

export class Resolver {
  readonly #core: () => Core;
  readonly #content: ContentStore;
  readonly #bus: EventBus;
  readonly #platform: Platform;
  readonly #executes: (platform: string) => boolean;

  /** `executes`: whether a runtime runs images of a platform that is not this machine's. */
  constructor(
    core: () => Core,
    content: ContentStore,
    bus: EventBus,
    platform: Platform,
    executes: (platform: string) => boolean = () => false,
  ) {
    this.#core = core;
    this.#content = content;
    this.#bus = bus;
    this.#platform = platform;
    this.#executes = executes;
  }

  /**
   * Asks for an image. `wanted` is what a person gave as `--platform`.
   * @throws NacreError `not-found` also where an index has nothing for the platform
   */
  async resolve(
    repository: Repository,
    reference: Reference,
    wanted: string | undefined,
  ): Promise<Resolved> {
    const what = reference.familiar();
    const asked = wanted === undefined ? undefined : parsePlatform(wanted);
    const platform = asked ?? this.#platform;
    const top = await repository.manifest(reference.tagOrDigest);
    const documents: Document[] = [document(top)];
    let manifest = top;
    if (top.parsed.kind === "index") {
      const chosen = choosePlatform(top.parsed.index.manifests, platform);
      if (!chosen) throw noPlatform(what, platform, top.parsed.index.manifests);
      manifest = await repository.manifest(chosen.digest);
      documents.push(document(manifest));
    }
    if (manifest.parsed.kind === "index") {
      throw new NacreError("unsupported", `the index of ${what} names another index`);
    }
    const { config: descriptor, layers } = manifest.parsed.manifest;
    for (const layer of layers) checkLayerType(layer, what);
    const configBytes = await this.#config(repository, descriptor);
    const config = parseConfig(this.#core(), configBytes, layers, what);
    this.#noticeForeign(what, config, asked);
    documents.push({ ...descriptor, bytes: configBytes });
    return { digest: top.digest, manifest, layers, config, documents, id: descriptor.digest };
  }

  /** A config that is here already is not fetched again. */
  async #config(repository: Repository, descriptor: Descriptor): Promise<Uint8Array> {
    if (this.#content.has(descriptor.digest)) {
      try {
        return await this.#content.read(descriptor.digest, MANIFEST_LIMIT_BYTES);
      } catch (error) {
        if (!(error instanceof NacreError) || error.kind === "no-space") throw error;
      }
    }
    return repository.smallBlob(descriptor, MANIFEST_LIMIT_BYTES);
  }

  /** What has no index is taken whatever it is for. */
  #noticeForeign(what: string, config: ImageConfig, asked: Platform | undefined): void {
    const own = { architecture: config.architecture, os: config.os };
    const offer = { mediaType: "", digest: "", size: 0, platform: own };
    if (choosePlatform([offer], asked ?? this.#platform)) return;
    if (!asked && this.#executes(platformText(own))) return;
    const other = asked
      ? `not for ${platformText(asked)}`
      : `this machine is ${platformText(this.#platform)}`;
    const message = `${what} is made for ${platformText(own)}, ${other}`;
    this.#bus.emit({ type: "notice", message });
  }
}

const document = ({ digest, bytes, parsed }: FetchedManifest): Document => ({
  digest,
  bytes,
  mediaType: parsed.mediaType,
});

const LAYER_TYPE =
  /^application\/vnd\.(oci\.image\.layer(\.nondistributable)?\.v1\.tar|docker\.image\.rootfs\.(foreign\.)?diff\.tar)([+.](gzip|zstd))?$/;

function checkLayerType({ mediaType, digest }: Descriptor, what: string): void {
  if (LAYER_TYPE.test(mediaType)) return;
  const type = JSON.stringify(mediaType.slice(0, 100));
  throw new NacreError("unsupported", `the layer ${digest} of ${what} is of the type ${type}`, {
    advice: "Layers are tars, plain or compressed by gzip or zstd. Is this an image at all?",
  });
}

function noPlatform(
  what: string,
  platform: Platform,
  manifests: readonly Descriptor[],
): NacreError {
  const offered = offeredPlatforms(manifests) || "no platform that it names";
  return new NacreError("not-found", `${what} has nothing for ${platformText(platform)}`, {
    operation: `pull ${what}`,
    advice: `It is there for ${offered}: choose one with --platform.`,
  });
}
