// Artifacts: files under a name in a registry, with a manifest that says what they are (OCI image
// spec, "Guidelines for Artifact Usage"), and manifests that are about others: signatures,
// attestations.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { type Descriptor, MEDIA } from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import { parseReference, type Reference } from "@nacre/core/reference.ts";
import { eachBounded } from "../images/bounded.ts";
import { storeDocument } from "../images/documents.ts";
import { newTag } from "../images/image-lookup.ts";
import type { ImageService } from "../images/images.ts";
import { jsonObject } from "../registry/json-answer.ts";
import { ACCEPT } from "../registry/manifest.ts";
import type { Registry, Repository } from "../registry/registry.ts";
import { PARALLEL_BLOBS, Uploads } from "../registry/uploads.ts";
import type {
  ArtifactFile,
  ArtifactListing,
  ArtifactOptions,
  Artifacts,
  ReferrerListing,
  RegistryReach,
} from "../sharing-interface.ts";
import type { Bundles } from "./bundles.ts";
import { fetchBlob } from "./fetch-blob.ts";
import {
  isDocument,
  MAX_INDEX_DEPTH,
  type ManifestKeeper,
  mayBeImage,
  readManifest,
} from "./manifest-keeper.ts";
import { listReferrer, referrersTag } from "./referrers-tag.ts";
import type { StoredBlobs } from "./stored-blobs.ts";

/** A config of nothing (image-spec, "Guidance for an Empty Descriptor"). */
const EMPTY = new TextEncoder().encode("{}");
const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";
const TITLE = "org.opencontainers.image.title";
const FILE_TYPE = "application/octet-stream";
/** A file of an artifact is held in memory while its digest is made. */
const FILE_LIMIT_BYTES = 1 << 30;

export class ArtifactService implements Artifacts {
  readonly #core: () => Core;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #registry: Registry;
  readonly #images: ImageService;
  readonly #keeper: ManifestKeeper;
  readonly #blobs: StoredBlobs;
  readonly #bundles: Bundles;

  constructor(
    core: () => Core,
    content: ContentStore,
    state: StateStore,
    clock: Clock,
    registry: Registry,
    images: ImageService,
    keeper: ManifestKeeper,
    blobs: StoredBlobs,
    bundles: Bundles,
  ) {
    this.#core = core;
    this.#content = content;
    this.#state = state;
    this.#clock = clock;
    this.#registry = registry;
    this.#images = images;
    this.#keeper = keeper;
    this.#blobs = blobs;
    this.#bundles = bundles;
  }

  async add(
    name: string,
    files: readonly ArtifactFile[],
    options: ArtifactOptions & RegistryReach = {},
  ): Promise<string> {
    const reference = newTag(this.#core(), name);
    const { type: artifactType = "application/vnd.unknown.artifact.v1" } = options;
    return this.#images.storing(reference, async () => {
      const layers: Descriptor[] = [];
      for (const { name: title, bytes } of files) {
        const annotations = { [TITLE]: title };
        layers.push({ ...(await this.#blob(bytes, FILE_TYPE)), annotations });
      }
      const config = await this.#blob(EMPTY, EMPTY_TYPE);
      const { annotations } = options;
      const subject = await this.#subject(options);
      const manifest = {
        ...{ schemaVersion: 2, mediaType: MEDIA.ociManifest, artifactType, config, layers },
        ...(subject && { subject }),
        ...(annotations && { annotations }),
      };
      const bytes = new TextEncoder().encode(JSON.stringify(manifest));
      const { digest } = await this.#keeper.keep(bytes, MEDIA.ociManifest);
      this.#name(reference, digest);
      return digest;
    });
  }

  async push(name: string, reach: RegistryReach = {}): Promise<string> {
    const { reference, digest } = this.#named(name);
    const parsed = this.#parsed(reference);
    const bundle = await this.#bundles.closed(digest, "");
    if (!bundle) throw torn(name);
    const { bytes, mediaType } = bundle.top;
    const read = readManifest(this.#core(), bytes, "", mediaType);
    const uploads = new Uploads(await this.#registry.exchange(parsed, reach), parsed.familiar());
    await eachBounded(bundle.parts, PARALLEL_BLOBS, reach.signal, async (part, signal) => {
      await uploads.blob(part.source(), { signal });
    });
    // What an index names, before it.
    for (const one of bundle.manifests.slice(0, -1)) {
      await uploads.manifest(one.digest, one.mediaType, one.bytes);
    }
    const answer = await uploads.manifest(parsed.tag ?? digest, mediaType, bytes);
    if (read.subject && answer.subject === undefined) {
      const { artifactType, annotations } = read;
      const own = { mediaType, digest, size: bytes.length };
      const repository = await this.#registry.open(parsed, reach);
      await listReferrer(this.#core, repository, uploads, read.subject.digest, {
        ...own,
        ...(artifactType !== undefined && { artifactType }),
        ...(annotations && { annotations }),
      });
    }
    return digest;
  }

  async pull(name: string, reach: RegistryReach = {}): Promise<string> {
    const parsed = parseReference(this.#core(), name, "docker");
    const repository = await this.#registry.open(parsed, reach);
    return this.#images.storing(parsed.toString(), async () => {
      const digest = await this.#fetch(repository, parsed.tagOrDigest, name, 0);
      this.#name(parsed.toString(), digest);
      return digest;
    });
  }

  /** A manifest after what it names. NacreError `unsupported` for an index of images. */
  async #fetch(
    repository: Repository,
    wanted: string,
    name: string,
    depth: number,
  ): Promise<string> {
    const { bytes, digest, mediaType } = await repository.document(wanted, `${ACCEPT}, */*`);
    const read = readManifest(this.#core(), bytes, "", mediaType);
    const ofImages = read.manifests.some((one) => one.platform !== undefined && mayBeImage(one));
    if (ofImages || depth > MAX_INDEX_DEPTH) throw index(name);
    const blobs = read.manifests.filter((one) => !isDocument(one));
    for (const one of [...read.layers, ...(read.config ? [read.config] : []), ...blobs]) {
      await fetchBlob(this.#content, repository, one);
    }
    for (const one of read.manifests.filter(isDocument)) {
      await this.#fetch(repository, one.digest, name, depth + 1);
    }
    await this.#keeper.keep(bytes, read.mediaType, digest);
    return digest;
  }

  async list(): Promise<ArtifactListing[]> {
    const named = this.#state.read((t) => t.list("artifact"));
    return Promise.all(named.map(({ reference }) => this.get(reference)));
  }

  async get(name: string): Promise<ArtifactListing> {
    const { reference, digest } = this.#named(name);
    const read = readManifest(this.#core(), await this.#blobs.document(digest), "");
    const files = read.layers.map(({ digest, size, mediaType, annotations }) => ({
      ...{ digest, sizeBytes: size, mediaType, name: annotations?.[TITLE] ?? digest },
    }));
    const { mediaType, artifactType = mediaType, annotations = {} } = read;
    return { reference, digest, mediaType, artifactType, annotations, files };
  }

  async *read(name: string, file: string): AsyncGenerator<Uint8Array> {
    const found = (await this.get(name)).files.find((one) => one.name === file);
    if (!found) throw new NacreError("not-found", `${name} has no file ${JSON.stringify(file)}`);
    const { digest, sizeBytes: size } = found;
    yield* this.#blobs.source({ digest, size }).read(0, size);
  }

  async remove(name: string): Promise<void> {
    const { reference } = this.#named(name);
    this.#state.write((t) => t.delete("artifact", reference), { durable: true });
    await this.#images.sweep();
  }

  async referrers(name: string, reach: RegistryReach = {}): Promise<ReferrerListing[]> {
    const parsed = parseReference(this.#core(), name, "docker");
    const exchange = await this.#registry.exchange(parsed, reach);
    const uploads = new Uploads(exchange, parsed.familiar());
    const digest = parsed.digest ?? (await uploads.manifestDigest(parsed.tag ?? "latest"));
    if (digest === undefined) {
      throw new NacreError("not-found", `${parsed.familiar()} is unknown to its registry`);
    }
    const { transport, endpoint, path, signal } = exchange;
    const ask = (place: string) =>
      transport.send(endpoint, {
        ...{ method: "GET", path: place, headers: { accept: MEDIA.ociIndex }, signal },
        ...{ scope: `repository:${path}:pull`, what: parsed.familiar(), expected: [404, 405] },
      });
    const found: ReferrerListing[] = [];
    // Registries without the API keep the list under a tag (distribution spec, "Referrers Tag Schema").
    for (const place of [`referrers/${digest}`, `manifests/${referrersTag(digest)}`]) {
      const response = await ask(`/v2/${path}/${place}`);
      if (response.status !== 200) {
        await response.cancel();
        continue;
      }
      const answer = await jsonObject(response, "the list of referrers");
      const bytes = new TextEncoder().encode(JSON.stringify(answer));
      found.push(...readManifest(this.#core(), bytes, "").manifests.map(listing));
      break;
    }
    // cosign names what it signs with by tags of its own.
    for (const suffix of ["sig", "att", "sbom"]) {
      const tag = `${referrersTag(digest)}.${suffix}`;
      const own = await uploads.manifestDigest(tag);
      if (own !== undefined) found.push({ digest: own, type: `cosign ${suffix}`, annotations: {} });
    }
    return found;
  }

  // -- parts ------------------------------------------------------------------------------------

  async #subject({
    subject,
    ...reach
  }: ArtifactOptions & RegistryReach): Promise<Descriptor | undefined> {
    if (subject === undefined) return undefined;
    const parsed = parseReference(this.#core(), subject, "docker");
    const repository = await this.#registry.open(parsed, reach);
    const { digest, bytes, mediaType } = await repository.document(parsed.tagOrDigest);
    const { mediaType: own } = readManifest(this.#core(), bytes, "", mediaType);
    return { mediaType: own, digest, size: bytes.length };
  }

  async #blob(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    if (bytes.length > FILE_LIMIT_BYTES) {
      throw new NacreError("unsupported", "a file of an artifact has more than a GiB");
    }
    const digest = this.#keeper.digestOf(bytes);
    await storeDocument(this.#content, { digest, mediaType, bytes });
    return { mediaType, digest, size: bytes.length };
  }

  #name(reference: string, digest: string): void {
    const updatedMs = this.#clock.nowMs();
    this.#state.write((t) => t.put("artifact", reference, { reference, digest, updatedMs }));
  }

  #parsed(reference: string): Reference {
    return parseReference(this.#core(), reference, "normalized");
  }

  #named(name: string): { readonly reference: string; readonly digest: string } {
    const reference = parseReference(this.#core(), name, "docker").withDefaultTag().toString();
    const found = this.#state.read((t) => t.get("artifact", reference));
    if (found) return found;
    throw new NacreError("not-found", `there is no artifact ${JSON.stringify(name)}`, {
      advice: "nacre artifact ls shows what is here.",
    });
  }
}

function listing(one: Descriptor & { readonly artifactType?: string }): ReferrerListing {
  const { digest, mediaType, annotations = {}, artifactType = mediaType, size } = one;
  return { digest, type: artifactType, sizeBytes: size, annotations };
}

const index = (name: string): NacreError =>
  new NacreError("unsupported", `${name} is an index of images, no artifact`, {
    advice: "Pull it as an image.",
  });

const torn = (name: string): NacreError =>
  new NacreError("not-found", `not all that the artifact ${name} names is on this machine`, {
    advice: "Pull it again.",
  });
