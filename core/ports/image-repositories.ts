// Images by repository, as a registry has them: what one needs of whoever keeps them.

/** A manifest, an index, or anything else that is kept under a tag. */
export interface RepositoryManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface RepositoryBlob {
  readonly sizeBytes: number;
  /** `length` bytes from `start` on. */
  read(start: number, length: number): AsyncIterable<Uint8Array>;
}

/** Bytes on their way to become a blob. They outlive the connection that brought them. */
export interface RepositoryUpload {
  readonly id: string;
  readonly sizeBytes: number;
  /** Appends; what came before a source failed stays. */
  append(source: AsyncIterable<Uint8Array>): Promise<void>;
  /** Names it. NacreError `corrupt` if its digest is another; then it is gone. */
  finish(digest: string): Promise<void>;
  discard(): Promise<void>;
}

/** A manifest that names another as its subject: a signature, an attestation, a list of parts. */
export interface Referrer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Names of repositories are checked by whoever asks (distribution spec, "Pulling manifests").
 * Blobs are shared by all repositories: what one has, all have. Errors: NacreError `invalid` for
 * a manifest that cannot be kept, `not-found` for one that names what is not here, `no-space`.
 */
export interface ImageRepositories {
  /** Sorted. */
  repositories(): Promise<string[]>;
  /** Sorted; undefined for a repository that there is not. */
  tags(repository: string): Promise<string[] | undefined>;
  /** By tag or digest. */
  manifest(repository: string, reference: string): Promise<RepositoryManifest | undefined>;
  /** Keeps a manifest under its digest and, if `reference` is one, under a tag. All that it names must be here, but for its subject. */
  putManifest(
    repository: string,
    reference: string,
    mediaType: string,
    bytes: Uint8Array,
  ): Promise<{ readonly digest: string; readonly subject?: string }>;
  /** Removes a tag, or a manifest with its tags. Whether there was one. */
  removeManifest(repository: string, reference: string): Promise<boolean>;
  referrers(repository: string, digest: string): Promise<Referrer[]>;
  blob(digest: string): Promise<RepositoryBlob | undefined>;
  /** Removes a blob that no manifest names. `not-found`, `in-use`. */
  removeBlob(digest: string): Promise<void>;
  beginUpload(): Promise<RepositoryUpload>;
  /** One that was begun, here or by a process before; undefined if it is no more. One at a time has it. */
  upload(id: string): Promise<RepositoryUpload | undefined>;
}
