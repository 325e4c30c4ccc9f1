// Members as a stream of tar. It may be read of a root that is being changed: what goes meanwhile is
// left out, what grows is cut at the size it had when it was opened, and what shrinks is filled up
// with zeros, so that the archive stays whole. (GNU tar does the same.)

import { concatenate } from "@nacre/core/bytes.ts";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { FileReader, Files } from "@nacre/core/ports/files.ts";
import type { StoredLayer } from "@nacre/core/ports/snapshotter.ts";
import { TAR_END, tarHeader, tarPadding } from "@nacre/core/tar-writer.ts";
import type { Contents, Member } from "./members.ts";

/** What is read at once. */
const PART_BYTES = 1 << 18;
/** Small members are handed on together. */
const GATHER_BYTES = 1 << 18;

/** Where contents of files are. */
export interface ContentPlaces {
  /** Path of the storage layer. */
  readonly upper: string;
  readonly layers: readonly StoredLayer[];
}

/** Where a container's root is. */
export interface RootPlaces extends ContentPlaces {
  readonly tree: ImageTree;
}

/** Contents of a file that `Files.walk` found; nothing where it is gone. */
export async function* contentsOf(
  files: Files,
  root: string,
  path: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const reader = await files.openBeneath(root, path);
  if (reader) yield* whole(reader);
}

/** The archive in chunks; whoever reads may take as long as they like. */
export async function* archiveOf(
  files: Files,
  places: ContentPlaces,
  members: Iterable<Member>,
): AsyncGenerator<Uint8Array> {
  const sources = new Sources(files, places);
  let gathered: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of partsOf(members, sources)) {
      gathered.push(part);
      size += part.length;
      if (size < GATHER_BYTES) continue;
      yield concatenate(gathered);
      gathered = [];
      size = 0;
    }
  } finally {
    await sources.close();
  }
  yield concatenate([...gathered, TAR_END]);
}

async function* partsOf(members: Iterable<Member>, sources: Sources): AsyncGenerator<Uint8Array> {
  /** First names of files with several. */
  const first = new Map<string, Uint8Array>();
  for (const { header, contents, identity } of members) {
    const target = identity === undefined ? undefined : first.get(identity);
    if (target) {
      yield tarHeader({ ...header, kind: "hard-link", target, sizeBytes: 0, attributes: [] });
      continue;
    }
    if (!contents) yield tarHeader(header);
    else {
      const source = await sources.open(contents);
      if (!source) continue;
      const { sizeBytes, data, read } = source;
      yield tarHeader({ ...header, sizeBytes });
      yield* read();
      yield tarPadding(data);
    }
    if (identity !== undefined) first.set(identity, header.path);
  }
}

export interface Source {
  /** Holes included. */
  readonly sizeBytes: number;
  /** Bytes that `read` gives. */
  readonly data: number;
  readonly read: () => AsyncIterable<Uint8Array>;
}

/** Contents of files. A layer's tar is opened once, for all files that are in it. */
export class Sources {
  readonly #files: Files;
  readonly #places: ContentPlaces;
  readonly #tars = new Map<number, FileReader>();

  constructor(files: Files, places: ContentPlaces) {
    this.#files = files;
    this.#places = places;
  }

  /** Undefined for what is gone. */
  async open(contents: Contents): Promise<Source | undefined> {
    if (contents.from === "storage") {
      const reader = await this.#files.openBeneath(this.#places.upper, contents.path);
      if (!reader) return undefined;
      const { sizeBytes } = reader;
      return { sizeBytes, data: sizeBytes, read: () => whole(reader) };
    }
    const { entry } = contents;
    const segments = entry.segments();
    const data = segments.reduce((sum, { size }) => sum + size, 0);
    if (data === 0) return { sizeBytes: entry.size, data, read: nothing };
    const tar = await this.#tar(entry.layer ?? 0);
    return {
      sizeBytes: entry.size,
      data,
      async *read() {
        for (const { tarOffset, size } of segments) yield* range(tar, tarOffset, size);
      },
    };
  }

  async #tar(layer: number): Promise<FileReader> {
    const known = this.#tars.get(layer);
    if (known) return known;
    const reader = await this.#files.open(this.#places.layers[layer]?.tarPath ?? "");
    this.#tars.set(layer, reader);
    return reader;
  }

  async close(): Promise<void> {
    for (const reader of this.#tars.values()) await reader.close();
    this.#tars.clear();
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* whole(reader: FileReader): AsyncGenerator<Uint8Array> {
  try {
    yield* range(reader, 0, reader.sizeBytes);
  } finally {
    await reader.close();
  }
}

async function* range(
  reader: FileReader,
  offset: number,
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeBytes; ) {
    const wanted = Math.min(PART_BYTES, sizeBytes - at);
    const part = await reader.read(offset + at, wanted);
    yield part;
    if (part.length < wanted) yield new Uint8Array(wanted - part.length);
    at += wanted;
  }
}
