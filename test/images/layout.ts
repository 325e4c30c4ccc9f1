// Writes OCI image layouts (OCI image spec, image-layout.md): what skopeo pushes, and what the
// tests compare with.

import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import { type Descriptor, type ImageProcess, MEDIA } from "@nacre/core/oci/image.ts";

export type LayerCompression = "gzip" | "zstd" | "none";

export interface Layer {
  /** The uncompressed tar, or the path of a file that holds it. */
  readonly tar: Uint8Array | string;
  readonly compression?: LayerCompression;
  readonly createdBy?: string;
  /** What the config shall claim instead of the true diff ID. */
  readonly claimedDiffId?: string;
}

export interface ImageSpec {
  readonly layers: readonly Layer[];
  readonly process?: ImageProcess;
  readonly architecture?: string;
  /** Changes the manifest before it is written: what a lying registry would serve. */
  readonly forgeManifest?: (manifest: { layers: Descriptor[]; config: Descriptor }) => void;
}

export interface WrittenImage {
  /** Of the manifest. */
  readonly digest: string;
  readonly configDigest: string;
  readonly diffIds: readonly string[];
  readonly layers: readonly Descriptor[];
}

const MEDIA_TYPE = { gzip: MEDIA.ociLayerGzip, zstd: MEDIA.ociLayerZstd, none: MEDIA.ociLayer };
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Passes bytes through and remembers their digest and number. */
class Meter extends Transform {
  readonly #hash = createHash("sha256");
  sizeBytes = 0;
  override _transform(chunk: Buffer, _: string, done: (e: null, chunk: Buffer) => void): void {
    this.#hash.update(chunk);
    this.sizeBytes += chunk.length;
    done(null, chunk);
  }
  digest(): string {
    return `sha256:${this.#hash.digest("hex")}`;
  }
}

function compressor(compression: LayerCompression): Transform[] {
  // Not the date, nor anything else of this machine: the same tar gives the same blob.
  if (compression === "gzip") return [createGzip({ level: 6 })];
  return compression === "zstd" ? [createZstdCompress()] : [];
}

function blobPath(folder: string, digest: string): string {
  return join(folder, "blobs", ...digest.split(":"));
}

function writeJson(folder: string, value: unknown, mediaType: string): Descriptor {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  writeFileSync(blobPath(folder, digest), bytes);
  return { mediaType, digest, size: bytes.length };
}

async function writeLayer(folder: string, layer: Layer): Promise<[Descriptor, string]> {
  const compression = layer.compression ?? "gzip";
  const [plain, packed] = [new Meter(), new Meter()];
  const temporary = join(folder, "blobs", "incoming");
  const source =
    typeof layer.tar === "string"
      ? createReadStream(layer.tar, { highWaterMark: 1 << 20 })
      : Readable.from([Buffer.from(layer.tar)]);
  const sink = createWriteStream(temporary);
  await pipeline([source, plain, ...compressor(compression), packed, sink]);
  const digest = packed.digest();
  renameSync(temporary, blobPath(folder, digest));
  const descriptor = { mediaType: MEDIA_TYPE[compression], digest, size: packed.sizeBytes };
  return [descriptor, layer.claimedDiffId ?? plain.digest()];
}

/** Writes one image into a new layout at `folder`, under `tag`. */
export async function writeLayout(
  folder: string,
  tag: string,
  image: ImageSpec,
): Promise<WrittenImage> {
  mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
  const layers: Descriptor[] = [];
  const diffIds: string[] = [];
  for (const layer of image.layers) {
    const [descriptor, diffId] = await writeLayer(folder, layer);
    layers.push(descriptor);
    diffIds.push(diffId);
  }
  const architecture = image.architecture ?? ARCHITECTURES[process.arch] ?? process.arch;
  const created = "2023-11-14T22:13:20Z";
  const config = {
    created,
    architecture,
    os: "linux",
    config: image.process ?? {},
    rootfs: { type: "layers", diff_ids: diffIds },
    history: image.layers.map((layer) => ({ created, created_by: layer.createdBy ?? "a test" })),
  };
  const configDescriptor = writeJson(folder, config, MEDIA.ociConfig);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: configDescriptor,
    layers: [...layers],
  };
  image.forgeManifest?.(manifest);
  const descriptor = writeJson(folder, manifest, MEDIA.ociManifest);
  const annotations = { "org.opencontainers.image.ref.name": tag };
  const index = { schemaVersion: 2, manifests: [{ ...descriptor, annotations }] };
  writeFileSync(join(folder, "index.json"), JSON.stringify(index));
  writeFileSync(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  return { digest: descriptor.digest, configDigest: configDescriptor.digest, diffIds, layers };
}
