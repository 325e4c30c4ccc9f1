// Layers compressed anew, for a push or an archive that wants another compression than the blobs
// have. The same tar gives the same bytes: it is read in parts of one size, and the codec promises
// the rest. What is made is a file of its own, which goes when its user is done with it.

import { NacreError } from "@nacre/core/error.ts";
import { type Descriptor, MEDIA } from "@nacre/core/oci/image.ts";
import type { Codec, Compression } from "@nacre/core/ports/codec.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import { ownLayerPath } from "../images/own-layer-files.ts";
import type { StatePaths } from "../images/paths.ts";
import type { BlobSource } from "../registry/uploads.ts";
import { range, type StoredBlobs } from "./stored-blobs.ts";

const TYPES: Readonly<Record<Compression, string>> = {
  none: MEDIA.ociLayer,
  gzip: MEDIA.ociLayerGzip,
  zstd: MEDIA.ociLayerZstd,
};

export interface MadeLayer {
  readonly descriptor: Descriptor;
  readonly source: BlobSource;
  discard(): Promise<void>;
}

/** How a media type says that a layer is compressed; undefined for what is no layer of an image. */
export function compressionNamed(mediaType: string): Compression | undefined {
  if (mediaType === MEDIA.dockerLayer) return "gzip";
  const [, suffix] = /^application\/vnd\.oci\.image\.layer\.v1\.tar(?:\+(gzip|zstd))?$/.exec(
    mediaType,
  ) ?? [null];
  if (suffix === null) return undefined;
  return (suffix as Compression | undefined) ?? "none";
}

export class CompressedLayers {
  readonly #files: Files;
  readonly #codec: Codec;
  readonly #random: Random;
  readonly #blobs: StoredBlobs;
  readonly #paths: StatePaths;

  constructor(files: Files, codec: Codec, random: Random, blobs: StoredBlobs, paths: StatePaths) {
    this.#files = files;
    this.#codec = codec;
    this.#random = random;
    this.#blobs = blobs;
    this.#paths = paths;
  }

  /** The layer of a diff ID, whose tar is here. */
  async make(diffId: string, tarBytes: number, compression: Compression): Promise<MadeLayer> {
    const mediaType = TYPES[compression];
    const tar = this.#paths.layerTar(diffId);
    if (this.#files.status(tar)?.sizeBytes !== tarBytes) {
      throw new NacreError("corrupt", `the stored layer ${diffId} is damaged or gone`, {
        advice: "Pull the image again.",
      });
    }
    if (compression === "none") {
      const source = this.#blobs.file(tar, diffId, tarBytes);
      const descriptor = { mediaType, digest: diffId, size: tarBytes };
      return { source, descriptor, discard: async () => {} };
    }
    return this.#compressed(tar, tarBytes, compression);
  }

  async #compressed(
    tar: string,
    tarBytes: number,
    compression: "gzip" | "zstd",
  ): Promise<MadeLayer> {
    const file = await this.#files.create(`${ownLayerPath(this.#paths, this.#random)}.gz`);
    const hasher = this.#codec.hasher("sha256");
    try {
      const parts = range(() => this.#files.open(tar), 0, tarBytes);
      for await (const part of this.#codec.compress(parts, compression)) {
        hasher.update(part);
        await file.write(part);
      }
    } catch (error) {
      await file.discard();
      throw error;
    }
    const digest = hasher.digest();
    return {
      descriptor: { mediaType: TYPES[compression], digest, size: file.sizeBytes },
      source: this.#blobs.file(file.path, digest, file.sizeBytes),
      discard: () => file.discard(),
    };
  }
}
