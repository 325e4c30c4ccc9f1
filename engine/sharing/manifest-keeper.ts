// Keeps manifests of any kind, with a record of what they name.

import type { Core } from "@nacre/core/core.ts";
import { tryParseDigest } from "@nacre/core/digest.ts";
import { NacreError } from "@nacre/core/error.ts";
import { type Descriptor, MEDIA, type Platform } from "@nacre/core/oci/image.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { ManifestRecord } from "@nacre/core/state/records.ts";
import { storeDocument } from "../images/documents.ts";

type Json = Readonly<Record<string, unknown>>;

/** What a document names, and says of itself. */
export interface ReadManifest {
  readonly mediaType: string;
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Types of documents that name others; all else is a blob. */
const DOCUMENTS: readonly string[] = [
  MEDIA.ociIndex,
  MEDIA.ociManifest,
  MEDIA.dockerList,
  MEDIA.dockerManifest,
];

/** How deep indexes within indexes are followed. */
export const MAX_INDEX_DEPTH = 4;

/** Also of kinds that are not known: those that call themselves so. */
export const isDocument = ({ mediaType }: Pick<Descriptor, "mediaType">): boolean =>
  DOCUMENTS.includes(mediaType) || /[./](manifest|index)\.[\w.-]+\+json$/.test(mediaType);

/** Whether what an index names can be an image: attestations are of no platform. */
export const mayBeImage = ({ platform, mediaType }: Descriptor): boolean =>
  platform?.os !== "unknown" &&
  ([MEDIA.ociManifest, MEDIA.dockerManifest] as string[]).includes(mediaType);

/**
 * A manifest or an index as somebody who makes nothing of it sees it. `contentType` is what it must
 * be, if it is given; `otherwise` what it is where it does not say so itself.
 * @throws NacreError `invalid`
 */
export function readManifest(
  core: Core,
  bytes: Uint8Array,
  contentType: string,
  otherwise = "",
): ReadManifest {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid("it is not JSON");
  }
  if (!isObject(value)) throw invalid("it is no object");
  // A document that is both could be two things to two readers (CVE-2021-41190).
  if ("manifests" in value && ("layers" in value || "config" in value)) {
    throw invalid("it is an index and a manifest at once");
  }
  if (value.schemaVersion !== 2) throw invalid("its schemaVersion is not 2");
  const own = typeof value.mediaType === "string" ? value.mediaType : contentType;
  if (contentType !== "" && own !== contentType) {
    throw invalid("its mediaType is not the one that it was announced with");
  }
  const shape = "manifests" in value ? MEDIA.ociIndex : MEDIA.ociManifest;
  const fallback = otherwise === "" ? shape : otherwise;
  const list = (field: unknown): Descriptor[] => {
    if (field === undefined || field === null) return [];
    if (!Array.isArray(field)) throw invalid("a list of descriptors is none");
    return field.map((one) => descriptor(core, one));
  };
  const config = value.config === undefined ? undefined : descriptor(core, value.config);
  const subject = value.subject == null ? undefined : descriptor(core, value.subject);
  const artifactType = typeof value.artifactType === "string" ? value.artifactType : undefined;
  return {
    mediaType: own === "" ? fallback : own,
    ...(config && { config }),
    layers: [...list(value.layers), ...list(value.blobs)],
    manifests: list(value.manifests),
    ...(subject && { subject }),
    ...((artifactType ?? config) && { artifactType: artifactType ?? config!.mediaType }),
    ...(isObject(value.annotations) && { annotations: texts(value.annotations) }),
  };
}

export class ManifestKeeper {
  readonly #core: () => Core;
  readonly #content: ContentStore;
  readonly #state: StateStore;
  readonly #codec: Codec;
  readonly #nowMs: () => number;
  readonly #bootId: string;

  constructor(
    core: () => Core,
    content: ContentStore,
    state: StateStore,
    codec: Codec,
    nowMs: () => number,
    bootId: string,
  ) {
    this.#core = core;
    this.#content = content;
    this.#state = state;
    this.#codec = codec;
    this.#nowMs = nowMs;
    this.#bootId = bootId;
  }

  digestOf(bytes: Uint8Array, algorithm: "sha256" | "sha512" = "sha256"): string {
    const hasher = this.#codec.hasher(algorithm);
    hasher.update(bytes);
    return hasher.digest();
  }

  read(bytes: Uint8Array, contentType: string): ReadManifest {
    return readManifest(this.#core(), bytes, contentType);
  }

  /**
   * Stores a manifest; what it names must be here, but for its subject and what is to be had
   * elsewhere. `partly`: what is not here is passed over.
   * @throws NacreError `not-found`, `invalid`
   */
  async keep(
    bytes: Uint8Array,
    contentType: string,
    digest?: string,
    partly = false,
  ): Promise<ManifestRecord> {
    const read = this.read(bytes, contentType);
    const blobs = [...(read.config ? [read.config] : []), ...read.layers];
    for (const one of [...blobs, ...read.manifests]) {
      if (!partly && !this.#content.has(one.digest) && !one.urls) throw missing(one.digest);
    }
    const own = digest ?? this.digestOf(bytes);
    const { mediaType, artifactType, annotations, subject } = read;
    await storeDocument(this.#content, { digest: own, mediaType, bytes });
    const here = ({ digest }: Descriptor): boolean => this.#content.has(digest);
    const documents = read.manifests.filter((one) => isDocument(one) && here(one));
    const others = read.manifests.filter((one) => !isDocument(one));
    const record: ManifestRecord = {
      ...{ digest: own, mediaType, sizeBytes: bytes.length },
      // What may only be had elsewhere need not be here.
      manifests: documents.map((one) => one.digest),
      blobs: [...blobs, ...others].filter(here).map((one) => one.digest),
      ...(artifactType !== undefined && { artifactType }),
      ...(annotations && { annotations }),
      ...(subject && { subject: subject.digest }),
      storedMs: this.#nowMs(),
    };
    this.#state.write((t) => {
      t.put("manifest", own, record);
      this.#record(t, own, bytes.length, mediaType);
      for (const one of [...blobs, ...others]) this.#record(t, one.digest, one.size, one.mediaType);
    });
    return record;
  }

  /** A blob that has no record yet, unless it is a layer's tar. */
  #record(
    t: Parameters<Parameters<StateStore["write"]>[0]>[0],
    digest: string,
    sizeBytes: number,
    mediaType: string,
  ): void {
    if (t.get("blob", digest) || t.get("layer", digest) || !this.#content.has(digest)) return;
    const fresh = { durable: false, bootId: this.#bootId };
    t.put("blob", digest, { digest, sizeBytes, mediaType, ...fresh });
  }
}

function descriptor(core: Core, value: unknown): Descriptor {
  if (!isObject(value)) throw invalid("a descriptor is no object");
  const { mediaType, digest, size, urls, platform, annotations, artifactType } = value;
  if (typeof mediaType !== "string" || typeof digest !== "string") {
    throw invalid("a descriptor has no type or no digest");
  }
  const parsed = tryParseDigest(core, digest);
  if (typeof parsed === "string" || parsed.algorithm === "sha384") {
    throw invalid("a descriptor's digest is none by sha256 or sha512");
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw invalid("a descriptor's size is no number of bytes");
  }
  return {
    ...{ mediaType, digest, size },
    ...(Array.isArray(urls) && urls.length > 0 && { urls: urls.map(String) }),
    ...(isObject(platform) && platformOf(platform)),
    ...(isObject(annotations) && { annotations: texts(annotations) }),
    ...(typeof artifactType === "string" && { artifactType }),
  };
}

function platformOf(said: Json): { readonly platform?: Platform } {
  const { os, architecture } = said;
  if (typeof os !== "string" || typeof architecture !== "string") return {};
  const lists = ["os.features", "features"].flatMap((key) => {
    const value = said[key];
    return Array.isArray(value) ? [[key, value.map(String)] as const] : [];
  });
  const { variant, "os.version": version } = texts(said);
  return {
    platform: {
      ...{ os, architecture },
      ...(variant !== undefined && { variant }),
      ...(version !== undefined && { "os.version": version }),
      ...Object.fromEntries(lists),
    },
  };
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function texts(value: Json): Readonly<Record<string, string>> {
  const entries = Object.entries(value).filter(([, text]) => typeof text === "string");
  return Object.fromEntries(entries) as Readonly<Record<string, string>>;
}

const invalid = (reason: string): NacreError =>
  new NacreError("invalid", `the manifest is malformed: ${reason}`);

const missing = (digest: string): NacreError =>
  new NacreError("not-found", `${digest}, which the manifest names, is not here`);
