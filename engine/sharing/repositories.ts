// The image store as a registry has it. A repository is named as people type it: `debian` is
// docker.io/library/debian, `ghcr.io/owner/app` is itself, so that what `nacre images` shows is what
// others pull, and what they push is what runs here.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { MANIFEST_LIMIT_BYTES, type Platform } from "@nacre/core/oci/image.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type {
  ImageRepositories,
  Referrer,
  RepositoryBlob,
  RepositoryManifest,
  RepositoryUpload,
} from "@nacre/core/ports/image-repositories.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import { parseReference } from "@nacre/core/reference.ts";
import type { ImageService } from "../images/images.ts";
import { isDocument, type ManifestKeeper } from "./manifest-keeper.ts";
import { range } from "./stored-blobs.ts";
import type { StoredImages } from "./stored-images.ts";
import type { StoredUploads } from "./stored-uploads.ts";

/**
 * Names that a repository may have (distribution spec, "Pulling manifests"). Those with a port in
 * them, `localhost:5000/app`, are none: nobody could ask for them.
 */
const REPOSITORY = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;

export class StoredRepositories implements ImageRepositories {
  readonly #core: () => Core;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #images: ImageService;
  readonly #keeper: ManifestKeeper;
  readonly #made: StoredImages;
  readonly #uploads: StoredUploads;
  readonly #platform: Platform;

  constructor(
    core: () => Core,
    content: ContentStore,
    state: StateStore,
    images: ImageService,
    keeper: ManifestKeeper,
    made: StoredImages,
    uploads: StoredUploads,
    platform: Platform,
  ) {
    this.#core = core;
    this.#content = content;
    this.#state = state;
    this.#images = images;
    this.#keeper = keeper;
    this.#made = made;
    this.#uploads = uploads;
    this.#platform = platform;
  }

  async repositories(): Promise<string[]> {
    return [...this.#tagged().keys()].sort();
  }

  async tags(repository: string): Promise<string[] | undefined> {
    const familiar = this.#familiar(repository);
    return this.#tagged().get(familiar)?.sort();
  }

  async manifest(repository: string, reference: string): Promise<RepositoryManifest | undefined> {
    const digest = reference.includes(":") ? reference : this.#digest(repository, reference);
    if (digest === undefined) return undefined;
    const blob = this.#state.read((t) => t.get("blob", digest));
    if (!blob || !isDocument(blob) || !this.#content.has(digest)) return undefined;
    const bytes = await this.#content.read(digest, MANIFEST_LIMIT_BYTES);
    return { digest, mediaType: blob.mediaType, bytes };
  }

  async putManifest(
    repository: string,
    reference: string,
    mediaType: string,
    bytes: Uint8Array,
  ): Promise<{ readonly digest: string; readonly subject?: string }> {
    const wanted = reference.includes(":") ? reference : undefined;
    const digest = this.#keeper.digestOf(
      bytes,
      wanted?.startsWith("sha512:") ? "sha512" : "sha256",
    );
    if (wanted !== undefined && wanted !== digest) {
      throw new NacreError("corrupt", `the manifest's digest is ${digest}, not ${wanted}`);
    }
    return this.#images.storing(`${repository}:${reference}`, async () => {
      const record = await this.#keeper.keep(bytes, mediaType, digest);
      if (wanted === undefined) {
        await this.#made.name(this.#name(repository, reference), record, bytes, this.#platform);
      }
      const { subject } = record;
      return { digest, ...(subject !== undefined && { subject }) };
    });
  }

  async removeManifest(repository: string, reference: string): Promise<boolean> {
    const names = reference.includes(":")
      ? this.#named(repository, reference)
      : [this.#name(repository, reference)];
    let removed = false;
    for (const name of names) {
      const [tag, artifact] = this.#state.read((t) => [
        t.get("tag", name),
        t.get("artifact", name),
      ]);
      if (tag) await this.#images.remove(name, { force: true });
      if (artifact) this.#state.write((t) => t.delete("artifact", name));
      removed ||= tag !== undefined || artifact !== undefined;
    }
    if (!reference.includes(":")) return removed;
    return this.#state.write((t) => {
      const known = t.get("manifest", reference) !== undefined;
      t.delete("manifest", reference);
      return known || removed;
    });
  }

  async referrers(_repository: string, digest: string): Promise<Referrer[]> {
    const all = this.#state.read((t) => t.list("manifest"));
    return all
      .filter(({ subject }) => subject === digest)
      .map(({ mediaType, digest, sizeBytes: size, artifactType, annotations }) => ({
        ...{ mediaType, digest, size },
        ...(artifactType !== undefined && { artifactType }),
        ...(annotations && { annotations }),
      }));
  }

  async blob(digest: string): Promise<RepositoryBlob | undefined> {
    const sizeBytes = this.#content.sizeBytes(digest);
    if (sizeBytes === undefined) return undefined;
    const open = () => this.#content.reader(digest);
    return { sizeBytes, read: (start, length) => range(open, start, length) };
  }

  async removeBlob(digest: string): Promise<void> {
    if (!this.#content.has(digest)) throw new NacreError("not-found", `there is no blob ${digest}`);
    await this.#images.storing("registry", async (intent) => {
      await this.#images.forgetUnneeded({ blobs: [digest], diffIds: [] }, intent);
    });
    if (!this.#content.has(digest)) return;
    throw new NacreError("in-use", `the blob ${digest} is needed by an image`);
  }

  beginUpload(): Promise<RepositoryUpload> {
    return this.#uploads.begin();
  }

  upload(id: string): Promise<RepositoryUpload | undefined> {
    return this.#uploads.find(id);
  }

  // -- names ------------------------------------------------------------------------------------

  /** Tags by the familiar name of their repository. */
  #tagged(): Map<string, string[]> {
    const names = this.#state.read((t) =>
      [...t.list("tag"), ...t.list("artifact")].map(({ reference }) => reference),
    );
    const tagged = new Map<string, string[]>();
    for (const name of names) {
      const { familiarName, tag } = parseReference(this.#core(), name, "normalized");
      if (tag === undefined || !REPOSITORY.test(familiarName)) continue;
      const tags = tagged.get(familiarName) ?? [];
      tagged.set(familiarName, tags);
      if (!tags.includes(tag)) tags.push(tag);
    }
    return tagged;
  }

  #familiar(repository: string): string {
    return parseReference(this.#core(), repository, "normalized").familiarName;
  }

  #name(repository: string, tag: string): string {
    return `${parseReference(this.#core(), repository, "normalized").name}:${tag}`;
  }

  #digest(repository: string, tag: string): string | undefined {
    const name = this.#name(repository, tag);
    return this.#state.read((t) => (t.get("tag", name) ?? t.get("artifact", name))?.digest);
  }

  /** Names of a repository that stand for a digest. */
  #named(repository: string, digest: string): string[] {
    const prefix = `${parseReference(this.#core(), repository, "normalized").name}:`;
    return this.#state.read((t) =>
      [...t.list("tag", prefix), ...t.list("artifact", prefix)]
        .filter((one) => one.digest === digest)
        .map(({ reference }) => reference),
    );
  }
}
