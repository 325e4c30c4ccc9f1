// Makes an image from the tars of its layers: compresses them, writes config and manifest.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import {
  type Descriptor,
  type ImageConfig,
  type ImageProcess,
  MEDIA,
  type Platform,
} from "@nacre/core/oci/image.ts";
import { sha256 } from "./content.ts";

export type LayerCompression = "gzip" | "zstd" | "none";

export interface LayerInput {
  readonly tar: Uint8Array;
  /** gzip if absent. Schema 2 knows gzip only. */
  readonly compression?: LayerCompression;
  readonly createdBy?: string;
}

export interface ImageInput {
  readonly layers: readonly LayerInput[];
  readonly process?: ImageProcess;
  readonly platform: Platform;
  /** RFC 3339; the same input gives the same image. */
  readonly created?: string;
  /** Docker's schema 2 in place of OCI's media types. */
  readonly schema2?: boolean;
}

export interface BuiltImage {
  /** All blobs by digest: layers, config, manifest. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  readonly manifest: Uint8Array;
  readonly manifestDescriptor: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly string[];
  /** The digest of the config: the image's ID. */
  readonly id: string;
}

const OCI_LAYERS: Readonly<Record<LayerCompression, string>> = {
  gzip: MEDIA.ociLayerGzip,
  zstd: MEDIA.ociLayerZstd,
  none: MEDIA.ociLayer,
};

/** For parts of an image that already exist as bytes. */
export function descriptorOf(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

function compress(tar: Uint8Array, compression: LayerCompression): Uint8Array {
  if (compression === "gzip") return gzipSync(tar);
  return compression === "zstd" ? zstdCompressSync(tar) : tar;
}

/** An image as a registry has it, for tests: the same input gives the same digests. */
export function buildImage(input: ImageInput): BuiltImage {
  const { schema2 = false, created = "2024-01-01T00:00:00Z" } = input;
  const blobs = new Map<string, Uint8Array>();
  const add = (bytes: Uint8Array, mediaType: string): Descriptor => {
    const descriptor = descriptorOf(bytes, mediaType);
    blobs.set(descriptor.digest, bytes);
    return descriptor;
  };
  const layers = input.layers.map(({ tar, compression = "gzip" }) =>
    add(compress(tar, compression), schema2 ? MEDIA.dockerLayer : OCI_LAYERS[compression]),
  );
  const diffIds = input.layers.map(({ tar }) => sha256(tar));
  const config: ImageConfig = {
    created,
    ...input.platform,
    config: input.process ?? {},
    rootfs: { type: "layers", diff_ids: diffIds },
    history: input.layers.map(({ createdBy = "" }) => ({ created, created_by: createdBy })),
  };
  const configType = schema2 ? MEDIA.dockerConfig : MEDIA.ociConfig;
  const configDescriptor = add(json(config), configType);
  const mediaType = schema2 ? MEDIA.dockerManifest : MEDIA.ociManifest;
  const manifest = json({ schemaVersion: 2, mediaType, config: configDescriptor, layers });
  const manifestDescriptor = add(manifest, mediaType);
  return { blobs, manifest, manifestDescriptor, layers, diffIds, id: configDescriptor.digest };
}

/** An index over images of several platforms. */
export function buildIndex(
  images: readonly { readonly image: BuiltImage; readonly platform: Platform }[],
  mediaType: string = MEDIA.ociIndex,
): Uint8Array {
  const manifests = images.map(({ image, platform }) => {
    return { ...image.manifestDescriptor, platform };
  });
  return json({ schemaVersion: 2, mediaType, manifests });
}

/** Writes an image as an OCI image layout, which skopeo and `LayoutContent` read. */
export function writeLayout(directory: string, image: BuiltImage, tag: string): void {
  mkdirSync(join(directory, "blobs", "sha256"), { recursive: true });
  for (const [digest, bytes] of image.blobs) {
    writeFileSync(join(directory, "blobs", ...digest.split(":")), bytes);
  }
  const annotations = { "org.opencontainers.image.ref.name": tag };
  const manifests = [{ ...image.manifestDescriptor, annotations }];
  writeFileSync(join(directory, "index.json"), json({ schemaVersion: 2, manifests }));
  writeFileSync(join(directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
