// Images as one tar, which is an OCI layout and docker's archive at once: whoever knows either reads
// it. Blobs go in as they are, so that the image has the same digest where it is loaded.
//
//   oci-layout, index.json          OCI image spec, image-layout.md
//   manifest.json                   what docker load, podman load and skopeo's docker-archive read
//   blobs/sha256/HEX                everything, once

import { NacreError } from "@nacre/core/error.ts";
import { type Descriptor, MEDIA } from "@nacre/core/oci/image.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import { TAR_END, tarHeader, tarPadding } from "@nacre/core/tar-writer.ts";
import type { ImageService } from "../images/images.ts";
import { type EventPorts, tell } from "../past-event.ts";
import type { SaveOptions } from "../sharing-interface.ts";
import { IMAGE_NAME, REF_NAME } from "./archive-documents.ts";
import type { Bundle, Bundles, Manifested, Part } from "./bundles.ts";

/** An image that is to be saved, and the names that it is to have. */
interface Wanted {
  readonly image: ImageRecord;
  readonly digest: string;
  readonly names: string[];
}

const encoder = new TextEncoder();

export class Saver {
  readonly #images: ImageService;
  readonly #bundles: Bundles;
  readonly #events: EventPorts;

  constructor(images: ImageService, bundles: Bundles, events: EventPorts) {
    this.#images = images;
    this.#bundles = bundles;
    this.#events = events;
  }

  async *save(references: readonly string[], options: SaveOptions): AsyncGenerator<Uint8Array> {
    const wanted = this.#wanted(references, options);
    const bundles: { readonly one: Wanted; readonly bundle: Bundle }[] = [];
    try {
      for (const one of wanted) {
        // What came plain stays so: an archive is compressed as a whole, if at all.
        const compression = options.compression ?? "as it is";
        bundles.push({ one, bundle: await this.#bundles.of(one.image, one.digest, compression) });
      }
      yield* this.#archive(bundles, options);
      for (const { image, names } of wanted) this.#tell(image.id, names[0] ?? image.id);
    } finally {
      for (const { bundle } of bundles) await bundle.discard();
    }
  }

  #tell(subject: string, name: string): void {
    tell(this.#events, { type: "image", action: "save", subject, attributes: { name } });
  }

  /** Each image once, with the names by which it was asked for. NacreError `not-found`. */
  #wanted(references: readonly string[], { platform, names }: SaveOptions): Wanted[] {
    const wanted = new Map<string, Wanted>();
    for (const reference of references) {
      const { image, tag } = this.#images.found(reference, platform);
      const all = platform === undefined ? tag?.digest : undefined;
      const digest = all ?? image.manifestDigest;
      const key = `${image.id} ${digest}`;
      const one = wanted.get(key) ?? { image, digest, names: [...(names ?? [])] };
      const name = names || tag?.reference.includes("@") ? undefined : tag?.reference;
      if (name !== undefined && !one.names.includes(name)) one.names.push(name);
      wanted.set(key, one);
    }
    return [...wanted.values()];
  }

  async *#archive(
    all: readonly { readonly one: Wanted; readonly bundle: Bundle }[],
    { format = "docker-archive" }: SaveOptions,
  ): AsyncGenerator<Uint8Array> {
    yield file("oci-layout", json({ imageLayoutVersion: "1.0.0" }));
    const manifests = all.flatMap(({ one, bundle }) => descriptorsOf(one.names, bundle));
    yield file("index.json", json({ schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests }));
    if (format === "docker-archive") {
      const images = await Promise.all(all.map(({ one, bundle }) => this.#docker(one, bundle)));
      yield file("manifest.json", json(images));
    }
    yield directory("blobs");
    for (const algorithm of algorithmsOf(all)) yield directory(`blobs/${algorithm}`);
    const done = new Set<string>();
    for (const { bundle } of all) {
      for (const one of bundle.manifests) {
        if (!done.has(one.digest)) yield file(pathOf(one.digest), one.bytes);
        done.add(one.digest);
      }
      for (const part of bundle.parts) {
        if (!done.has(part.digest)) yield* blob(part);
        done.add(part.digest);
      }
    }
    yield TAR_END;
  }

  /** As manifest.json has an image: of an index the one that is this machine's. */
  async #docker({ image, names }: Wanted, bundle: Bundle) {
    const own = bundle.made ? bundle.top.digest : image.manifestDigest;
    const found = bundle.manifests.find(({ digest }) => digest === own) ?? bundle.top;
    const { parsed } = await this.#bundles.read(found);
    const layers = parsed.kind === "manifest" ? parsed.manifest.layers : [];
    return {
      Config: pathOf(image.id),
      RepoTags: names.length > 0 ? names.map((name) => this.#images.familiar(name)) : null,
      Layers: layers.map(({ digest }) => pathOf(digest)),
    };
  }
}

function descriptorsOf(names: readonly string[], { top }: Bundle): Descriptor[] {
  const { mediaType, digest, bytes } = top;
  const descriptor = { mediaType, digest, size: bytes.length };
  if (names.length === 0) return [descriptor];
  return names.map((name) => {
    const tag = name.slice(name.lastIndexOf(":") + 1);
    return { ...descriptor, annotations: { [IMAGE_NAME]: name, [REF_NAME]: tag } };
  });
}

function algorithmsOf(all: readonly { readonly bundle: Bundle }[]): string[] {
  const digests = all.flatMap(({ bundle }) =>
    [...bundle.manifests, ...bundle.parts].map((one: Manifested | Part) => one.digest),
  );
  return [...new Set(digests.map((digest) => digest.slice(0, digest.indexOf(":"))))].sort();
}

const pathOf = (digest: string): string => `blobs/${digest.replace(":", "/")}`;

const json = (value: object): Uint8Array => encoder.encode(JSON.stringify(value));

/** The same bytes for the same image, whenever and by whomever it is saved. */
const ANYBODY = { uid: 0, gid: 0, mtimeSeconds: 0 };

function directory(path: string): Uint8Array {
  return tarHeader({ path: encoder.encode(path), kind: "directory", mode: 0o755, ...ANYBODY });
}

function header(path: string, sizeBytes: number): Uint8Array {
  const common = { kind: "file", mode: 0o644, sizeBytes, ...ANYBODY } as const;
  return tarHeader({ path: encoder.encode(path), ...common });
}

function file(path: string, bytes: Uint8Array): Uint8Array {
  const [head, padding] = [header(path, bytes.length), tarPadding(bytes.length)];
  const whole = new Uint8Array(head.length + bytes.length + padding.length);
  whole.set(head);
  whole.set(bytes, head.length);
  whole.set(padding, head.length + bytes.length);
  return whole;
}

async function* blob(part: Part): AsyncGenerator<Uint8Array> {
  const { digest, sizeBytes } = part;
  yield header(pathOf(digest), sizeBytes);
  let written = 0;
  for await (const chunk of part.source().read(0, sizeBytes)) {
    written += chunk.length;
    yield chunk;
  }
  if (written !== sizeBytes) throw new NacreError("corrupt", `the blob ${digest} is cut`);
  yield tarPadding(sizeBytes);
}
