// The documents of an archive that say what is in it. They come from strangers.

import { NacreError } from "@nacre/core/error.ts";
import type { Descriptor } from "@nacre/core/oci/image.ts";
import type { ArchiveContents } from "./archive-contents.ts";

export const REF_NAME = "org.opencontainers.image.ref.name";
/** A whole reference, where the other annotation is a tag: containerd's, and docker's since 25. */
export const IMAGE_NAME = "io.containerd.image.name";

/** An image as manifest.json has it: names of files in the archive. */
export interface ArchivedImage {
  readonly config: string;
  readonly names: readonly string[];
  readonly layers: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

function parsed(contents: ArchiveContents, name: string): unknown {
  const bytes = contents.file(name);
  if (!bytes) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw malformed(name, "it is not JSON");
  }
}

/** The images of manifest.json; none if there is no such file. NacreError `corrupt`. */
export function dockerImages(contents: ArchiveContents): ArchivedImage[] {
  const value = parsed(contents, "manifest.json");
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw malformed("manifest.json", "it is no list");
  return value.map((one: Json | null) => {
    const { Config: config, RepoTags: names, Layers: layers } = one ?? {};
    if (typeof config !== "string" || !Array.isArray(layers)) {
      throw malformed("manifest.json", "an image has no config or no layers");
    }
    return { config: plain(config), names: textsOf(names), layers: textsOf(layers).map(plain) };
  });
}

/** The descriptors of index.json; none if there is no such file. NacreError `corrupt`. */
export function layoutEntries(contents: ArchiveContents): Descriptor[] {
  const value = parsed(contents, "index.json") as Json | undefined | null;
  if (value === undefined) return [];
  const manifests = value?.manifests;
  if (!Array.isArray(manifests)) throw malformed("index.json", "it names no manifests");
  return manifests.map((one: Json | null) => {
    const { digest, mediaType, size, annotations } = one ?? {};
    const right = typeof digest === "string" && /^sha(256|512):[0-9a-f]+$/.test(digest);
    if (!right || typeof mediaType !== "string" || typeof size !== "number") {
      throw malformed("index.json", "a descriptor lacks its digest, type or size");
    }
    const texts = typeof annotations === "object" && annotations !== null ? annotations : {};
    return { digest, mediaType, size, annotations: texts as Readonly<Record<string, string>> };
  });
}

/** What the annotations call it; a tag alone is no name. */
export function namesOf({ annotations = {} }: Descriptor): string[] {
  const whole = annotations[IMAGE_NAME];
  if (typeof whole === "string") return [whole];
  const name = annotations[REF_NAME];
  return typeof name === "string" && /[/:]/.test(name) ? [name] : [];
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];

const plain = (path: string): string => path.replace(/^(\.?\/)+/, "");

function malformed(name: string, reason: string): NacreError {
  return new NacreError("corrupt", `the archive's ${name} is malformed: ${reason}`, {
    advice: "It should come from save, from podman save, or from skopeo.",
  });
}
