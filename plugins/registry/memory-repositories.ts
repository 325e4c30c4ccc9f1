// Repositories in memory: for tests, and for networks that are simulated.

import { NacreError } from "@nacre/core/error.ts";
import type { Descriptor } from "@nacre/core/oci/image.ts";
import type {
  ImageRepositories,
  Referrer,
  RepositoryBlob,
  RepositoryManifest,
  RepositoryUpload,
} from "@nacre/core/ports/image-repositories.ts";
import { joined } from "./chunks.ts";

/** `sha256:…` of bytes; tests have Node's, browsers the core's. */
export type DigestOf = (bytes: Uint8Array) => string;

interface Document {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export class MemoryRepositories implements ImageRepositories {
  readonly blobs = new Map<string, Uint8Array>();
  readonly #digestOf: DigestOf;
  readonly #manifests = new Map<string, RepositoryManifest>();
  /** Repository → tag → digest. */
  readonly #repositories = new Map<string, Map<string, string>>();
  readonly #held = new Map<string, Set<string>>();
  readonly #uploads = new Map<string, MemoryUpload>();
  #begun = 0;

  constructor(digestOf: DigestOf) {
    this.#digestOf = digestOf;
  }

  async repositories(): Promise<string[]> {
    return [...this.#held.keys()].sort();
  }

  async tags(repository: string): Promise<string[] | undefined> {
    const tags = this.#repositories.get(repository);
    return this.#held.has(repository) ? [...(tags?.keys() ?? [])].sort() : undefined;
  }

  async manifest(repository: string, reference: string): Promise<RepositoryManifest | undefined> {
    const digest = this.#repositories.get(repository)?.get(reference) ?? reference;
    return this.#held.get(repository)?.has(digest) ? this.#manifests.get(digest) : undefined;
  }

  async putManifest(
    repository: string,
    reference: string,
    mediaType: string,
    bytes: Uint8Array,
  ): Promise<{ readonly digest: string; readonly subject?: string }> {
    const digest = this.#digestOf(bytes);
    if (reference.includes(":") && reference !== digest) {
      throw new NacreError("corrupt", `the manifest's digest is ${digest}, not ${reference}`);
    }
    const document = parsed(bytes);
    const blobs = [document.config, ...(document.layers ?? [])].filter((one) => one !== undefined);
    for (const one of blobs) {
      if (!this.blobs.has(one.digest) && !one.urls) throw missing(one.digest);
    }
    for (const one of document.manifests ?? []) {
      if (!this.#manifests.has(one.digest)) throw missing(one.digest);
    }
    this.hold(repository, reference, mediaType, bytes);
    const subject = document.subject?.digest;
    return { digest, ...(subject !== undefined && { subject }) };
  }

  /** Keeps a manifest, whatever it names. */
  hold(repository: string, reference: string, mediaType: string, bytes: Uint8Array): void {
    const digest = this.#digestOf(bytes);
    this.#manifests.set(digest, { digest, mediaType, bytes });
    const held = this.#held.get(repository) ?? new Set();
    this.#held.set(repository, held.add(digest));
    const tags = this.#repositories.get(repository) ?? new Map<string, string>();
    if (!reference.includes(":")) this.#repositories.set(repository, tags.set(reference, digest));
  }

  async removeManifest(repository: string, reference: string): Promise<boolean> {
    const tags = this.#repositories.get(repository) ?? new Map<string, string>();
    if (!reference.includes(":")) return tags.delete(reference);
    for (const [tag, digest] of tags) if (digest === reference) tags.delete(tag);
    return this.#held.get(repository)?.delete(reference) ?? false;
  }

  async referrers(repository: string, digest: string): Promise<Referrer[]> {
    const found: Referrer[] = [];
    for (const held of this.#held.get(repository) ?? []) {
      const manifest = this.#manifests.get(held);
      const document = manifest && parsed(manifest.bytes);
      if (document?.subject?.digest !== digest || !manifest) continue;
      const { mediaType, bytes } = manifest;
      const artifactType = document.artifactType ?? document.config?.mediaType;
      const { annotations } = document;
      found.push({
        ...{ mediaType, digest: manifest.digest, size: bytes.length },
        ...(artifactType !== undefined && { artifactType }),
        ...(annotations && { annotations }),
      });
    }
    return found;
  }

  async blob(digest: string): Promise<RepositoryBlob | undefined> {
    const bytes = this.blobs.get(digest);
    if (!bytes) return undefined;
    return { sizeBytes: bytes.length, read: (start, length) => parts(bytes, start, length) };
  }

  async removeBlob(digest: string): Promise<void> {
    if (!this.blobs.delete(digest)) throw missing(digest);
  }

  async beginUpload(): Promise<RepositoryUpload> {
    const id = `upload-${++this.#begun}`;
    const upload = new MemoryUpload(id, this.#digestOf, (digest, bytes) => {
      this.#uploads.delete(id);
      if (digest !== undefined && bytes) this.blobs.set(digest, bytes);
    });
    this.#uploads.set(id, upload);
    return upload;
  }

  async upload(id: string): Promise<RepositoryUpload | undefined> {
    return this.#uploads.get(id);
  }
}

class MemoryUpload implements RepositoryUpload {
  readonly id: string;
  readonly #digestOf: DigestOf;
  readonly #end: (digest?: string, bytes?: Uint8Array) => void;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(id: string, digestOf: DigestOf, end: (digest?: string, bytes?: Uint8Array) => void) {
    this.id = id;
    this.#digestOf = digestOf;
    this.#end = end;
  }

  get sizeBytes(): number {
    return this.#size;
  }

  async append(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of source) {
      this.#chunks.push(Uint8Array.from(chunk));
      this.#size += chunk.length;
    }
  }

  async finish(digest: string): Promise<void> {
    const bytes = joined(this.#chunks);
    const found = this.#digestOf(bytes);
    this.#end(found === digest ? digest : undefined, bytes);
    if (found !== digest) throw new NacreError("corrupt", `its digest is ${found}, not ${digest}`);
  }

  async discard(): Promise<void> {
    this.#end();
  }
}

async function* parts(
  bytes: Uint8Array,
  start: number,
  length: number,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < start + length; at += 1 << 16) {
    yield bytes.subarray(at, Math.min(at + (1 << 16), start + length));
  }
}

function parsed(bytes: Uint8Array): Document {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Document;
  } catch (cause) {
    throw new NacreError("invalid", "the manifest is not JSON", { cause });
  }
}

const missing = (digest: string): NacreError =>
  new NacreError("not-found", `${digest} is not here`);
