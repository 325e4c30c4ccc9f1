// What an archive of images holds, read in one pass in whatever order it comes: layers are stored as
// they pass, everything small is kept in memory until it is known what it is for.

import { NacreError } from "@nacre/core/error.ts";
import { MANIFEST_LIMIT_BYTES } from "@nacre/core/oci/image.ts";
import type { Codec, Compression } from "@nacre/core/ports/codec.ts";
import {
  compressionOf,
  hasTarMagic,
  recognise,
  sniff,
  TAR_HEAD_BYTES,
} from "../images/compression.ts";
import type { Document } from "../images/documents.ts";
import type { LayerIntake, TakenLayer } from "./layer-intake.ts";
import { type ArchiveMember, tarMembers } from "./tar-members.ts";

/** All that is kept in memory. */
const SMALL_LIMIT_BYTES = 64 << 20;
const MAX_LINKS = 8;

export class ArchiveContents {
  readonly #small = new Map<string, Uint8Array>();
  readonly #layers = new Map<string, TakenLayer>();
  readonly #links = new Map<string, string>();
  #smallBytes = 0;

  /** Names of what is stored so far, for whoever must remove it. */
  get taken(): readonly TakenLayer[] {
    return [...this.#layers.values()];
  }

  /**
   * Reads an archive to its end. What was stored before an error is in `taken`.
   * @throws NacreError `corrupt` for what is no archive
   */
  async read(
    source: AsyncIterable<Uint8Array>,
    codec: Codec,
    intake: LayerIntake,
    begins: (member: string, sizeBytes: number) => void,
  ): Promise<void> {
    const { compression, whole } = await recognise(source);
    const archive = compression === "none" ? whole : codec.decompress(compression, whole);
    for await (const member of tarMembers(archive)) {
      if (member.kind === "link") this.#links.set(member.name, member.target);
      if (member.kind === "file") await this.#file(member, intake, begins);
    }
  }

  async #file(
    member: ArchiveMember,
    intake: LayerIntake,
    begins: (member: string, sizeBytes: number) => void,
  ): Promise<void> {
    const { name, sizeBytes } = member;
    const digest = digestOf(name);
    const known = digest === undefined ? undefined : await intake.known(digest);
    if (known) {
      this.#layers.set(name, known);
      return;
    }
    const { head, whole } = await sniff(member.bytes, TAR_HEAD_BYTES);
    const compression = layerCompression(head, sizeBytes);
    if (compression === undefined) {
      if (sizeBytes <= MANIFEST_LIMIT_BYTES) await this.#keep(name, sizeBytes, whole);
      return;
    }
    begins(name, sizeBytes);
    const taken = await intake.take(whole, compression);
    this.#layers.set(name, taken);
    if (digest !== undefined && taken.descriptor.digest !== digest) {
      throw new NacreError("corrupt", `the archive's ${name} has other contents`, {
        advice: "The archive is damaged: make or fetch it again.",
      });
    }
  }

  async #keep(name: string, sizeBytes: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    this.#smallBytes += sizeBytes;
    if (this.#smallBytes > SMALL_LIMIT_BYTES) {
      throw new NacreError("corrupt", "the archive holds too much that is no layer", {
        advice: "This is no archive of images.",
      });
    }
    const whole = new Uint8Array(sizeBytes);
    let at = 0;
    for await (const chunk of bytes) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    this.#small.set(name, whole);
  }

  /** A small file, through links. */
  file(name: string): Uint8Array | undefined {
    return this.#through(this.#small, name);
  }

  layer(name: string): TakenLayer | undefined {
    return this.#through(this.#layers, name);
  }

  /** A document of an OCI layout, held against its digest. NacreError `corrupt`. */
  document(digest: string, mediaType: string, codec: Codec): Document | undefined {
    const bytes = this.file(`blobs/${digest.replace(":", "/")}`);
    if (!bytes) return undefined;
    const hasher = codec.hasher(digest.startsWith("sha512:") ? "sha512" : "sha256");
    hasher.update(bytes);
    if (hasher.digest() === digest) return { digest, mediaType, bytes };
    throw new NacreError("corrupt", `the archive's blob ${digest} has other contents`, {
      advice: "The archive is damaged: make or fetch it again.",
    });
  }

  #through<T>(all: ReadonlyMap<string, T>, name: string): T | undefined {
    let at = name;
    for (let links = 0; links <= MAX_LINKS; links++) {
      const found = all.get(at);
      if (found !== undefined) return found;
      const next = this.#links.get(at);
      if (next === undefined) return undefined;
      at = next;
    }
    return undefined;
  }
}

function digestOf(name: string): string | undefined {
  const [, algorithm, hex] = /^blobs\/(sha256|sha512)\/((?:[0-9a-f]{64}){1,2})$/.exec(name) ?? [];
  return algorithm === undefined ? undefined : `${algorithm}:${hex}`;
}

/** How a layer is compressed; undefined for what is none. */
function layerCompression(head: Uint8Array, sizeBytes: number): Compression | undefined {
  const compression = compressionOf(head);
  if (compression !== "none") return compression;
  if (hasTarMagic(head)) return "none";
  // An empty layer: two blocks of zeros, or more.
  const empty = sizeBytes >= 1024 && sizeBytes % 512 === 0 && head.length >= TAR_HEAD_BYTES;
  return empty && head.subarray(0, TAR_HEAD_BYTES).every((byte) => byte === 0) ? "none" : undefined;
}
