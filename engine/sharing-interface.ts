// Images that go to others and come from them, but for pull: registries, archives.

import type { Compression } from "@nacre/core/ports/codec.ts";

export interface PushOptions {
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
   * Sends what a name stands for to the registry that the name says: an index where all that it
   * names is here, else the image's own manifest. What is there already is not sent again.
   * NacreError `not-found`, `unauthorized`, `unreachable`, `corrupt`, `invalid`.
   */
  push(reference: string, options?: PushOptions): Promise<PushedImage>;
}
