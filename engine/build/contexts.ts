// Contexts of a build as trees that files are copied from.

import { IgnoreMatcher, ignorePatterns } from "@nacre/core/dockerfile/ignore.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { Files, TreeEntry } from "@nacre/core/ports/files.ts";
import { TAR_END, tarHeader, tarPadding } from "@nacre/core/tar-writer.ts";
import type { BuildContext } from "../build-interface.ts";
import { recognise } from "../images/compression.ts";
import { Sources } from "../roots/archive.ts";
import type { BuildLayers } from "./build-layers.ts";
import {
  DirectoryTree,
  KeptTree,
  LayersTree,
  parentOf,
  pathOf,
  resolve,
  type SourceTree,
} from "./source-tree.ts";

const LABEL = "the build context";
const TEXT_LIMIT_BYTES = 4 << 20;

/** Keeps a layer from being taken for rubbish, as a step of the cache would be. */
export type KeepLayer = (kind: string, diffId: string) => void;

export class Contexts {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #codec: Codec;
  readonly #layers: BuildLayers;
  readonly #keep: KeepLayer;

  constructor(files: Files, clock: Clock, codec: Codec, layers: BuildLayers, keep: KeepLayer) {
    this.#files = files;
    this.#clock = clock;
    this.#codec = codec;
    this.#layers = layers;
    this.#keep = keep;
  }

  /** Everything of it that its `.dockerignore` does not name, or that of its Dockerfile. */
  async tree(
    context: Exclude<BuildContext, { readonly git: string } | { readonly address: string }>,
    dockerfile?: string,
  ): Promise<SourceTree> {
    if ("directory" in context) return this.#directory(context.directory, dockerfile);
    if (!("tar" in context)) return this.archive(LABEL, tarOf(context.files));
    const tree = await this.archive(LABEL, context.tar);
    if (!context.ofDirectory) return tree;
    for (const name of ignoreFiles(dockerfile)) {
      const text = await this.text(tree, name);
      if (text !== undefined) return new KeptTree(tree, new IgnoreMatcher(ignorePatterns(text)));
    }
    return tree;
  }

  /** A directory as it is: what a repository has was chosen when it was committed. */
  whole(directory: string): SourceTree {
    const entries = this.#files.walk(directory);
    return new DirectoryTree(LABEL, directory, entries, this.#clock.nowMs());
  }

  /** What a tar holds, compressed or not. NacreError `invalid` or `corrupt` for one that leads out, or is none. */
  async archive(label: string, bytes: AsyncIterable<Uint8Array>): Promise<SourceTree> {
    const { compression, whole } = await recognise(bytes);
    const diffId = await this.#layers.make(this.#codec.decompress(compression, whole));
    this.#keep(label, diffId);
    return new LayersTree(label, await this.#layers.merged([diffId]));
  }

  #directory(directory: string, dockerfile: string | undefined): SourceTree {
    const status = this.#files.status(directory);
    if (status?.kind !== "directory") {
      throw new NacreError("not-found", `there is no directory ${directory} to build from`, {
        advice:
          "Name the directory with the files that are copied, or - for a tar on standard input.",
      });
    }
    const ignore = new IgnoreMatcher(ignorePatterns(this.#ignoreFile(directory, dockerfile)));
    const entries = kept(this.#files, directory, ignore);
    return new DirectoryTree(LABEL, directory, entries, this.#clock.nowMs());
  }

  #ignoreFile(directory: string, dockerfile: string | undefined): string {
    for (const name of ignoreFiles(dockerfile)) {
      const bytes = this.#files.readBeneath(directory, name, TEXT_LIMIT_BYTES);
      if (bytes) return new TextDecoder().decode(bytes);
    }
    return "";
  }

  /** A small text file of a tree: a Dockerfile, which may be left out of it. Undefined where there is none. */
  async text(from: SourceTree, path: string): Promise<string | undefined> {
    const tree = from instanceof KeptTree ? from.all : from;
    const found = resolve(tree, pathOf(path));
    const member = found === undefined ? undefined : tree.at(found);
    if (!member?.contents) return undefined;
    const sources = new Sources(this.#files, tree.places);
    try {
      const source = await sources.open(member.contents);
      if (!source || source.sizeBytes > TEXT_LIMIT_BYTES) return undefined;
      const decoder = new TextDecoder();
      let text = "";
      for await (const part of source.read()) text += decoder.decode(part, { stream: true });
      return text + decoder.decode();
    } finally {
      await sources.close();
    }
  }
}

/** The first that is there holds. */
const ignoreFiles = (dockerfile: string | undefined): readonly string[] => [
  ...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]),
  ".dockerignore",
];

/** Left out but for directories of what is not: those are there, with what is kept in them. */
function* kept(files: Files, directory: string, ignore: IgnoreMatcher): Generator<TreeEntry> {
  const decoder = new TextDecoder();
  const waiting: TreeEntry[] = [];
  const enters = ({ path }: TreeEntry): boolean => {
    const text = decoder.decode(path);
    return !ignore.excludes(text) || ignore.mayKeepBelow(text);
  };
  for (const entry of files.walk(directory, { enters })) {
    const path = decoder.decode(entry.path);
    while (waiting.length > 0 && !path.startsWith(`${decoder.decode(waiting.at(-1)?.path)}/`))
      waiting.pop();
    if (ignore.excludes(path)) {
      if (entry.kind === "directory") waiting.push(entry);
      continue;
    }
    yield* waiting.splice(0);
    yield entry;
  }
}

async function* tarOf(
  files: Readonly<Record<string, string | Uint8Array>>,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const common = { uid: 0, gid: 0, mtimeSeconds: 0 };
  const directories = new Set<string>();
  for (const [name, content] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const path = name.replace(/^\/+|\/+$/g, "");
    const above: string[] = [];
    for (let up = parentOf(path); up !== "" && !directories.has(up); up = parentOf(up))
      above.unshift(up);
    for (const up of above) {
      directories.add(up);
      yield tarHeader({ ...common, path: encoder.encode(up), kind: "directory", mode: 0o755 });
    }
    const bytes = typeof content === "string" ? encoder.encode(content) : content;
    const own = { ...common, path: encoder.encode(path), kind: "file", mode: 0o644 } as const;
    yield tarHeader({ ...own, sizeBytes: bytes.length });
    yield bytes;
    yield tarPadding(bytes.length);
  }
  yield TAR_END;
}
