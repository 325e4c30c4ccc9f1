// Reads manifests, indexes and configs. They come from strangers: each field is checked before
// anything relies on it, and what is wrong with it is said.

import type { Core } from "@nacre/core/core.ts";
import { tryParseDigest } from "@nacre/core/digest.ts";
import { NacreError } from "@nacre/core/error.ts";
import {
  type Descriptor,
  type ImageConfig,
  type Index,
  type Manifest,
  MEDIA,
} from "@nacre/core/oci/image.ts";
import { printable } from "./failure.ts";

const MAX_LAYERS = 1000;

const INDEX_TYPES: readonly string[] = [MEDIA.ociIndex, MEDIA.dockerList];
const MANIFEST_TYPES: readonly string[] = [MEDIA.ociManifest, MEDIA.dockerManifest];
export const ACCEPT = [...MANIFEST_TYPES, ...INDEX_TYPES].join(", ");

/** Whether a manifest's config says that it is an image, and no artifact; OCI's type or docker's. */
export const isImageConfig = ({ mediaType }: Pick<Descriptor, "mediaType">): boolean =>
  /\.(image\.config|container\.image)\.v1\+json$/.test(mediaType);

type Json = Readonly<Record<string, unknown>>;

export type ParsedManifest =
  | { readonly kind: "manifest"; readonly mediaType: string; readonly manifest: Manifest }
  | { readonly kind: "index"; readonly mediaType: string; readonly index: Index };

function corrupt(what: string, reason: string): never {
  throw new NacreError("corrupt", `${what} is malformed: ${reason}`, {
    advice: "Whoever made or serves the image must correct it.",
  });
}

function parseObject(bytes: Uint8Array, what: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return corrupt(what, "it is not JSON");
  }
  return isObject(value) ? value : corrupt(what, "it is not an object");
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A manifest or an index, by what it says itself or, if it says nothing, by `contentType`.
 * @throws NacreError `corrupt`, `unsupported`
 */
export function parseManifest(
  core: Core,
  bytes: Uint8Array,
  contentType: string,
  what: string,
): ParsedManifest {
  const document = parseObject(bytes, `the manifest of ${what}`);
  const name = `the manifest of ${what}`;
  // A document that is both could be two images to two readers (CVE-2021-41190).
  if ("manifests" in document && ("layers" in document || "config" in document)) {
    corrupt(name, "it is an index and a manifest at once");
  }
  if (document.schemaVersion === 1) {
    throw new NacreError("unsupported", `${name} has schema 1, which docker gave up in 2017`, {
      advice: "Push the image again with a current tool.",
    });
  }
  if (document.schemaVersion !== 2) corrupt(name, "its schemaVersion is not 2");
  const own = document.mediaType;
  const header = contentType.split(";")[0]!.trim();
  const mediaType = typeof own === "string" && own !== "" ? own : guess(document, header);
  if (INDEX_TYPES.includes(mediaType)) {
    const manifests = descriptors(core, document.manifests, `${name}, in "manifests"`);
    return { kind: "index", mediaType, index: { schemaVersion: 2, mediaType, manifests } };
  }
  if (MANIFEST_TYPES.includes(mediaType)) {
    const layers = descriptors(core, document.layers, `${name}, in "layers"`);
    if (layers.length > MAX_LAYERS) corrupt(name, `it has more than ${MAX_LAYERS} layers`);
    const config = descriptor(core, document.config, `${name}, in "config"`);
    return {
      kind: "manifest",
      mediaType,
      manifest: { schemaVersion: 2, mediaType, config, layers },
    };
  }
  throw new NacreError("unsupported", `${name} is of the unknown type ${printable(mediaType)}`, {
    advice: "Images are OCI manifests or Docker's schema 2.",
  });
}

function guess(document: Json, header: string): string {
  if (INDEX_TYPES.includes(header) || MANIFEST_TYPES.includes(header)) return header;
  return "manifests" in document ? MEDIA.ociIndex : MEDIA.ociManifest;
}

function descriptors(core: Core, value: unknown, what: string): Descriptor[] {
  if (!Array.isArray(value)) corrupt(what, "it is not a list");
  return (value as unknown[]).map((entry) => descriptor(core, entry, what));
}

function descriptor(core: Core, value: unknown, what: string): Descriptor {
  if (!isObject(value)) return corrupt(what, "a descriptor is not an object");
  const { mediaType, digest, size, urls, platform } = value;
  if (typeof mediaType !== "string") return corrupt(what, "a descriptor has no mediaType");
  if (typeof digest !== "string") return corrupt(what, "a descriptor has no digest");
  checkDigest(core, digest, what);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    return corrupt(what, `the size of ${digest} is not a number of bytes`);
  }
  const links = Array.isArray(urls) ? urls.filter((url) => typeof url === "string") : [];
  const named = isObject(platform) ? readPlatform(platform) : undefined;
  return {
    mediaType,
    digest,
    size,
    ...(links.length > 0 ? { urls: links } : {}),
    ...(named ? { platform: named } : {}),
  };
}

function readPlatform(platform: Json): Descriptor["platform"] {
  const { os, architecture, variant } = platform;
  if (typeof os !== "string" || typeof architecture !== "string") return undefined;
  return { os, architecture, ...(typeof variant === "string" ? { variant } : {}) };
}

/** Blobs are hashed by the host, which knows sha256 and sha512; nothing in use has others. */
function checkDigest(core: Core, text: string, what: string): void {
  const digest = tryParseDigest(core, text);
  if (typeof digest === "string") corrupt(what, `${printable(text)} is not a digest`);
  if (digest.algorithm === "sha384") {
    throw new NacreError("unsupported", `${what} uses sha384, which is not supported`);
  }
}

/**
 * An image's config, held against its manifest.
 * @throws NacreError `corrupt`, `unsupported`
 */
export function parseConfig(
  core: Core,
  bytes: Uint8Array,
  layers: readonly Descriptor[],
  reference: string,
): ImageConfig {
  const what = `the config of ${reference}`;
  const document = parseObject(bytes, what);
  const { os, architecture, rootfs, config } = document;
  if (typeof os !== "string" || typeof architecture !== "string" || !isObject(rootfs)) {
    throw new NacreError("unsupported", `${reference} is not an image that can run`, {
      advice: "It may be another artifact, such as a chart or a signature.",
    });
  }
  const diffIds = rootfs.diff_ids;
  if (!Array.isArray(diffIds) || diffIds.length !== layers.length) {
    const count = Array.isArray(diffIds) ? diffIds.length : 0;
    corrupt(what, `it names ${count} layers where the manifest has ${layers.length}`);
  }
  for (const diffId of diffIds as unknown[]) {
    if (typeof diffId !== "string") corrupt(what, "a diff ID is not text");
    checkDigest(core, diffId as string, what);
  }
  if (config !== undefined && config !== null) checkProcess(config, what);
  return document as unknown as ImageConfig;
}

/** The fields that later code takes for granted; null stands for absent in Go's JSON. */
function checkProcess(config: unknown, what: string): void {
  if (!isObject(config)) corrupt(what, '"config" is not an object');
  const isText = (value: unknown) => typeof value === "string" && !value.includes("\0");
  for (const name of ["User", "WorkingDir", "StopSignal"]) {
    if (config[name] != null && !isText(config[name])) corrupt(what, `"${name}" is not text`);
  }
  for (const name of ["Env", "Entrypoint", "Cmd"]) {
    const value = config[name];
    if (value != null && !(Array.isArray(value) && value.every(isText))) {
      corrupt(what, `"${name}" is not a list of texts`);
    }
  }
  for (const name of ["Labels", "Volumes", "ExposedPorts"]) {
    if (config[name] != null && !isObject(config[name])) {
      corrupt(what, `"${name}" is not an object`);
    }
  }
}
