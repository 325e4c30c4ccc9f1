// Images that go to others and come from them, but for pull: registries, archives.

import type { Compression } from "@nacre/core/ports/codec.ts";
import type { Credential } from "@nacre/core/ports/credential-store.ts";
import type { ServedImages, ServeImagesOptions } from "@nacre/core/ports/image-server.ts";
import type { Filters } from "./filters.ts";

export interface PushOptions {
  /** Only the image for this platform, where a name has several; absent: all that the name stands for. */
  readonly platform?: string;
  /** An image that is here, by its ID: it is pushed by the name without having it here. */
  readonly image?: string;
  /** Layers that have another are compressed anew, which gives the image another manifest. Absent: blobs go as they came. */
  readonly compression?: Compression;
  /** Plain HTTP for registries that are not on loopback. */
  readonly insecure?: boolean;
  /** Largest part of a layer that is sent at once; a layer is one part if absent. */
  readonly chunkBytes?: number;
  readonly signal?: AbortSignal;
}

export interface PushedImage {
  /** Normalised reference. */
  readonly reference: string;
  /** Of the manifest or index that the name has in the registry now. */
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface ImageSharing {
  /**
   * Sends what a name stands for to the registry that the name says: an index where several of its
   * images are here and the others there, or the image's own manifest where it alone is here. What is
   * there already is not sent again.
   * NacreError `not-found`, `unauthorized`, `unreachable`, `corrupt`, `invalid`.
   */
  push(reference: string, options?: PushOptions): Promise<PushedImage>;
  /**
   * Images as one tar, whose bytes are made as they are read; the same image gives the same ones. A
   * name with several images for several platforms gives all that are here.
   * Its digests are those that the image has here. NacreError `not-found`, `corrupt`.
   */
  save(references: readonly string[], options?: SaveOptions): AsyncIterable<Uint8Array>;
  /**
   * Images from a tar that save, docker, podman or skopeo has made, plain or compressed, in one pass.
   * NacreError `corrupt` for what is none or damaged, and then nothing of it stays.
   */
  load(source: AsyncIterable<Uint8Array>, options?: LoadOptions): Promise<LoadedImage[]>;
  /** Removes images without a name, or with `all` all, that no container needs. NacreError `invalid` for a filter that there is not. */
  prune(options?: ImagePruneOptions): Promise<ImagePruneReport>;
  /** What each layer added, changed and deleted, and what of it later ones hid. NacreError `not-found`. */
  explore(reference: string): Promise<ExploredImage>;
}

/** What a layer did at a path. */
export interface LayerChange {
  readonly path: string;
  readonly what: "added" | "changed" | "deleted";
  readonly type: string;
  readonly mode: number;
  readonly sizeBytes: number;
  /** The number of the later layer that hid or removed it. */
  readonly hiddenBy?: number;
}

export interface ExploredLayer {
  /** From 1, the bottom. */
  readonly number: number;
  readonly diffId: string;
  readonly digest: string;
  readonly createdBy: string;
  readonly tarBytes: number;
  readonly visibleBytes: number;
  readonly changes: readonly LayerChange[];
  /** Bytes of its files that later layers hid or removed. */
  readonly hiddenBytes?: number;
}

export interface ExploredImage {
  readonly id: string;
  readonly layers: readonly ExploredLayer[];
  /** Bytes of files that no container sees. */
  readonly wastedBytes: number;
}

export interface ImagePruneOptions {
  /** Also images that have a name. */
  readonly all?: boolean;
  /** Only what was made before. */
  readonly untilMs?: number;
  /** `dangling`, `label`, `label!`. */
  readonly filters?: Filters;
}

export interface ImagePruneReport {
  /** Normalised names that went. */
  readonly untagged: readonly string[];
  /** IDs of images and layers that went. */
  readonly deleted: readonly string[];
  readonly reclaimedBytes: number;
}

export interface SaveOptions {
  /** As in PushOptions. */
  readonly platform?: string;
  /** `docker-archive`, the default, is an OCI layout too, with what docker needs beside it. */
  readonly format?: "docker-archive" | "oci-archive";
  /** What the images are called in the archive, normalised, instead of what they are called here. */
  readonly names?: readonly string[];
  /** As in PushOptions. */
  readonly compression?: Compression;
}

export interface LoadOptions {
  /** Only images for this platform. NacreError `not-found` where an archive has none. */
  readonly platform?: string;
  readonly signal?: AbortSignal;
}

export interface LoadedImage {
  readonly id: string;
  /** Normalised. */
  readonly references: readonly string[];
  /** `linux/arm64`. */
  readonly platform: string;
}

export interface LoginRequest {
  /** Absent: the credentials that are kept are tried. */
  readonly credential?: Credential;
  readonly insecure?: boolean;
  readonly signal?: AbortSignal;
}

export interface LoggedIn {
  /** `docker.io`, `registry.example:5000`. */
  readonly registry: string;
  /** Where the credentials are kept now: a file, or a helper's name. Absent where they were before. */
  readonly keptIn?: string;
}

export interface SearchOptions {
  /** Most results; 25 if absent. */
  readonly limit?: number;
  readonly insecure?: boolean;
  readonly signal?: AbortSignal;
}

export interface SearchResult {
  /** As one pulls it: `debian`, `registry.example/team/app`. */
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly official: boolean;
}

export interface ServeOptions extends Partial<ServeImagesOptions> {
  /** `oci` if absent: the distribution specification. */
  readonly protocol?: string;
}

/** Registries as such. `server`: a domain, or a URL of one; Docker Hub if absent. */
export interface Registries {
  /** Tries credentials, and keeps them. NacreError `unauthorized`, `unreachable`, `invalid`, `denied`. */
  login(server: string | undefined, request?: LoginRequest): Promise<LoggedIn>;
  /** Forgets credentials. Whether there were any. */
  logout(server: string | undefined): Promise<{ readonly registry: string; readonly was: boolean }>;
  /** Registries that one is logged in to. */
  logins(): string[];
  /** Repositories by a part of their name. `DOMAIN/TERM` asks another registry than Docker Hub. NacreError `unsupported` where one offers no search. */
  search(term: string, options?: SearchOptions): Promise<SearchResult[]>;
  /**
   * Gives this machine's images to others, and takes theirs, until `close`. NacreError `not-found`
   * for a protocol that no plugin provides, and as ImageServer has it.
   */
  serve(options?: ServeOptions): Promise<ServedImages>;
  /** Tags of a repository. */
  tags(repository: string, options?: Omit<SearchOptions, "limit">): Promise<string[]>;
}

export interface RegistryReach {
  /** Plain HTTP for registries that are not on loopback. */
  readonly insecure?: boolean;
  readonly signal?: AbortSignal;
}

export interface ArtifactFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface ArtifactOptions {
  /** A media type that says what it is. */
  readonly type?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** What it is about: an image or an artifact in its registry, by name. */
  readonly subject?: string;
}

export interface ArtifactListing {
  /** Normalised. */
  readonly reference: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactType: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly files: readonly {
    readonly name: string;
    readonly digest: string;
    readonly mediaType: string;
    readonly sizeBytes: number;
  }[];
}

/** Something that is about an image: a signature, an attestation. */
export interface ReferrerListing {
  readonly digest: string;
  readonly type: string;
  readonly sizeBytes?: number;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Files under names, as registries keep them. NacreError as for images. */
export interface Artifacts {
  /** Makes one of files; its digest. A `subject` is asked for in its registry. */
  add(
    name: string,
    files: readonly ArtifactFile[],
    options?: ArtifactOptions & RegistryReach,
  ): Promise<string>;
  /** Its digest. What a registry without the referrers API would not find is written down there under a tag. */
  push(name: string, reach?: RegistryReach): Promise<string>;
  /** Its digest. */
  pull(name: string, reach?: RegistryReach): Promise<string>;
  list(): Promise<ArtifactListing[]>;
  /** NacreError `not-found`. */
  get(name: string): Promise<ArtifactListing>;
  /** The bytes of one of its files. */
  read(name: string, file: string): AsyncIterable<Uint8Array>;
  /** NacreError `not-found`. */
  remove(name: string): Promise<void>;
  /** What a registry has that is about an image or an artifact there: by the referrers API, its tag schema, and cosign's tags. */
  referrers(name: string, reach?: RegistryReach): Promise<ReferrerListing[]>;
}
