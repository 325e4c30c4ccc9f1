// What a registry serves: blobs by digest, and manifests by repository and tag. Either from memory
// or from an OCI image layout on disk (OCI image spec, image-layout.md).

import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type Descriptor, type Index, MEDIA } from "@nacre/core/oci/image.ts";

export interface ServedManifest {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Uint8Array;
}

export interface ServedBlob {
  readonly sizeBytes: number;
  /** The bytes from `start` on. */
  read(start: number): Readable;
}

export interface RegistryContent {
  /** By tag or digest. */
  manifest(repository: string, reference: string): ServedManifest | undefined;
  blob(digest: string): ServedBlob | undefined;
  /** Undefined for a repository that there is not. */
  tags(repository: string): string[] | undefined;
}

/** Media types by what a document says of itself. */
function mediaTypeOf(bytes: Uint8Array): string {
  const { mediaType, manifests } = JSON.parse(Buffer.from(bytes).toString("utf8"));
  return mediaType ?? (manifests ? MEDIA.ociIndex : MEDIA.ociManifest);
}

export const sha256 = (bytes: Uint8Array): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Blobs in memory, and repositories that name them. */
export class MemoryContent implements RegistryContent {
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #manifests = new Map<string, string>();
  readonly #repositories = new Map<string, Map<string, string>>();

  /** Returns the blob's digest. */
  addBlob(bytes: Uint8Array, digest: string = sha256(bytes)): string {
    this.#blobs.set(digest, bytes);
    return digest;
  }

  /** Adds a manifest or index under a tag; returns its digest. */
  addManifest(repository: string, tag: string, bytes: Uint8Array, mediaType?: string): string {
    const digest = this.addBlob(bytes);
    this.#manifests.set(digest, mediaType ?? mediaTypeOf(bytes));
    const tags = this.#repositories.get(repository) ?? new Map<string, string>();
    this.#repositories.set(repository, tags.set(tag, digest));
    return digest;
  }

  removeBlob(digest: string): void {
    this.#blobs.delete(digest);
  }

  manifest(repository: string, reference: string): ServedManifest | undefined {
    const digest = this.#repositories.get(repository)?.get(reference) ?? reference;
    const mediaType = this.#manifests.get(digest);
    const bytes = this.#blobs.get(digest);
    return mediaType !== undefined && bytes ? { mediaType, digest, bytes } : undefined;
  }

  blob(digest: string): ServedBlob | undefined {
    const bytes = this.#blobs.get(digest);
    if (!bytes) return undefined;
    return {
      sizeBytes: bytes.length,
      read: (start) => Readable.from(slices(bytes, start), { objectMode: false }),
    };
  }

  tags(repository: string): string[] | undefined {
    const tags = this.#repositories.get(repository);
    return tags && [...tags.keys()].sort();
  }
}

function* slices(bytes: Uint8Array, start: number): Generator<Uint8Array> {
  for (let at = start; at < bytes.length; at += 1 << 16) yield bytes.subarray(at, at + (1 << 16));
}

/**
 * One image layout as a repository: `index.json` names its tags by the annotation
 * `org.opencontainers.image.ref.name`. It is read anew with each request.
 */
export class LayoutContent implements RegistryContent {
  readonly #directory: string;
  readonly #repository: string;

  constructor(directory: string, repository: string) {
    this.#directory = directory;
    this.#repository = repository;
  }

  manifest(repository: string, reference: string): ServedManifest | undefined {
    if (repository !== this.#repository) return undefined;
    const digest = reference.includes(":")
      ? reference
      : this.#entries().find((entry) => tagOf(entry) === reference)?.digest;
    const path = digest === undefined ? undefined : this.#path(digest);
    if (digest === undefined || path === undefined || !existsSync(path)) return undefined;
    const bytes = readFileSync(path);
    return { digest, bytes, mediaType: mediaTypeOf(bytes) };
  }

  blob(digest: string): ServedBlob | undefined {
    const path = this.#path(digest);
    if (path === undefined || !existsSync(path)) return undefined;
    return {
      sizeBytes: statSync(path).size,
      read: (start) => createReadStream(path, { start, highWaterMark: 1 << 18 }),
    };
  }

  tags(repository: string): string[] | undefined {
    if (repository !== this.#repository) return undefined;
    return this.#entries()
      .flatMap((entry) => tagOf(entry) ?? [])
      .sort();
  }

  /** Digests of everything there is, for tests and prune. */
  blobs(): string[] {
    const root = join(this.#directory, "blobs");
    return readdirSync(root).flatMap((algorithm) =>
      readdirSync(join(root, algorithm)).map((hex) => `${algorithm}:${hex}`),
    );
  }

  #entries(): readonly Descriptor[] {
    const index: Index = JSON.parse(readFileSync(join(this.#directory, "index.json"), "utf8"));
    return index.manifests;
  }

  /** Undefined for what is no digest: it becomes a path. */
  #path(digest: string): string | undefined {
    const [, algorithm, hex] = /^(sha256|sha512):([0-9a-f]+)$/.exec(digest) ?? [];
    if (algorithm === undefined || hex === undefined) return undefined;
    return join(this.#directory, "blobs", algorithm, hex);
  }
}

const tagOf = (entry: Descriptor): string | undefined =>
  entry.annotations?.["org.opencontainers.image.ref.name"];
