// A COPY's members as a tar, written from where they are without a container, and as a digest of
// what they say, whatever their times.

import { concatenate } from "@nacre/core/bytes.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Hasher } from "@nacre/core/ports/codec.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import { TAR_END, type TarMember, tarHeader, tarPadding } from "@nacre/core/tar-writer.ts";
import { type Source, Sources } from "../roots/archive.ts";
import { byteText } from "../roots/storage-tree.ts";
import type { CopiedMember } from "./copy-members.ts";
import type { LookedAt } from "./known-copies.ts";
import { type SourceTree, stampOf, textOf } from "./source-tree.ts";
import { notAfter } from "./step-layer.ts";

/** Contents up to so many bytes in all are kept between the digest and the tar. */
const KEPT_BYTES = 256 << 20;
const KEPT_FILE_BYTES = 1 << 20;
const GATHER_BYTES = 1 << 19;

/** A SHA-256 for so many bytes as are probably hashed with it. */
export type MakeHasher = (sizeBytes: number) => Pick<Hasher, "update" | "digest">;

/** A layer to be. It is read once for its digest, and what was small is not read again for its tar. */
export class CopyLayer {
  readonly #files: Files;
  readonly #hasher: MakeHasher;
  readonly #members: readonly CopiedMember[];
  readonly #newest: number | undefined;
  readonly #kept = new Map<CopiedMember, readonly Uint8Array[]>();
  readonly #sources = new Map<SourceTree, Sources>();
  #keptBytes = 0;
  #isTorn = false;

  /** `newest`: the latest time that anything may have, in seconds. */
  constructor(
    files: Files,
    hasher: MakeHasher,
    members: readonly CopiedMember[],
    newest: number | undefined,
  ) {
    this.#files = files;
    this.#hasher = hasher;
    this.#members = members;
    this.#newest = newest;
  }

  /** Whether a file that was read twice, for the digest and for the tar, has changed meanwhile. */
  get isTorn(): boolean {
    return this.#isTorn;
  }

  /** What it would be made of, without having read it; undefined where that cannot be said. */
  lookedAt(): LookedAt | undefined {
    const encoder = new TextEncoder();
    const lines: string[] = [];
    const trees = new Map<SourceTree, number>();
    let isSettled = true;
    for (const { header, contents, tree } of this.#members) {
      lines.push(saidBy(header, header.sizeBytes ?? 0));
      if (!tree || !contents) continue;
      const path = contents.from === "storage" ? contents.path : contents.entry.pathBytes;
      const seen = tree.seen(byteText(path));
      if (!seen) return undefined;
      isSettled &&= seen.isSettled;
      if (!trees.has(tree)) trees.set(tree, trees.size);
      lines.push(`${trees.get(tree)} ${seen.identity}`);
    }
    for (const { identity } of trees.keys()) lines.push(identity);
    const bytes = encoder.encode(lines.join("\n"));
    const hasher = this.#hasher(bytes.length);
    hasher.update(bytes);
    return { fingerprint: hasher.digest(), isSettled };
  }

  /** Of names, kinds, owners, modes, links, attributes and contents. */
  async digest(): Promise<string> {
    const sizes = this.#members.map(({ header }) => header.sizeBytes ?? 0);
    const hasher = this.#hasher(sizes.reduce((sum, size) => sum + size, 0));
    const encoder = new TextEncoder();
    try {
      for (const member of this.#members) {
        const small = this.#small(member);
        if (small) {
          hasher.update(encoder.encode(`${saidBy(member.header, small.length)}\n`));
          hasher.update(small);
          continue;
        }
        const source = await this.#open(member);
        hasher.update(encoder.encode(`${saidBy(member.header, source?.sizeBytes ?? 0)}\n`));
        if (source) for (const part of await this.#read(member, source)) hasher.update(part);
      }
    } finally {
      await this.#close();
    }
    return hasher.digest();
  }

  async *tar(): AsyncGenerator<Uint8Array> {
    let gathered: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const part of this.#parts()) {
        gathered.push(part);
        size += part.length;
        if (size < GATHER_BYTES) continue;
        yield concatenate(gathered);
        [gathered, size] = [[], 0];
      }
    } finally {
      await this.#close();
    }
    yield concatenate([...gathered, TAR_END]);
  }

  async *#parts(): AsyncGenerator<Uint8Array> {
    /** First names of files with several. */
    const first = new Map<string, Uint8Array>();
    for (const member of this.#members) {
      const header = notAfter(member.header, this.#newest);
      const { identity } = member;
      const target = identity === undefined ? undefined : first.get(identity);
      if (target) {
        yield tarHeader({ ...header, kind: "hard-link", target, sizeBytes: 0, attributes: [] });
        continue;
      }
      if (identity !== undefined) first.set(identity, header.path);
      const kept = this.#kept.get(member);
      if (kept) {
        const data = kept.reduce((sum, part) => sum + part.length, 0);
        yield tarHeader({ ...header, sizeBytes: header.segments ? (header.sizeBytes ?? 0) : data });
        yield* kept;
        yield tarPadding(data);
        continue;
      }
      const source = await this.#open(member);
      yield tarHeader({ ...header, ...(source && { sizeBytes: source.sizeBytes }) });
      if (!source) continue;
      yield* source.read();
      yield tarPadding(source.data);
      this.#isTorn ||= this.#hasChanged(member);
    }
  }

  #hasChanged({ tree, contents }: CopiedMember): boolean {
    if (contents?.from !== "storage" || !tree) return false;
    const before = tree.seen(byteText(contents.path));
    if (!before) return false;
    const now = this.#files.find(tree.places.upper, contents.path, false)?.entry;
    return !now || stampOf(now) !== before.identity;
  }

  /** A small file of a directory, read in one go: opening a stream for each costs more than it. */
  #small(member: CopiedMember): Uint8Array | undefined {
    const { tree, contents, header } = member;
    const sizeBytes = header.sizeBytes ?? 0;
    if (contents?.from !== "storage" || !tree || sizeBytes > KEPT_FILE_BYTES) return undefined;
    if (this.#keptBytes + sizeBytes > KEPT_BYTES) return undefined;
    const path = new TextDecoder().decode(contents.path);
    // A name that is no UTF-8 is another one as text.
    if (path.includes("\ufffd")) return undefined;
    const bytes = this.#files.readBeneath(tree.places.upper, path, KEPT_FILE_BYTES);
    if (!bytes) return undefined;
    this.#kept.set(member, [bytes]);
    this.#keptBytes += bytes.length;
    return bytes;
  }

  async #read(member: CopiedMember, source: Source): Promise<readonly Uint8Array[]> {
    const parts: Uint8Array[] = [];
    const keeps = source.data <= KEPT_FILE_BYTES && this.#keptBytes + source.data <= KEPT_BYTES;
    for await (const part of source.read()) parts.push(part);
    if (keeps) {
      this.#kept.set(member, parts);
      this.#keptBytes += source.data;
    }
    return parts;
  }

  async #open({ tree, contents, header }: CopiedMember): Promise<Source | undefined> {
    if (!tree || !contents) return undefined;
    let sources = this.#sources.get(tree);
    if (!sources) {
      sources = new Sources(this.#files, tree.places);
      this.#sources.set(tree, sources);
    }
    const source = await sources.open(contents);
    if (source) return source;
    throw new NacreError("conflict", `/${textOf(byteText(header.path))} went while it was copied`, {
      advice: "Build again while nobody changes the context.",
    });
  }

  async #close(): Promise<void> {
    for (const sources of this.#sources.values()) await sources.close();
    this.#sources.clear();
  }
}

/** Everything of a member but its contents and its time. */
function saidBy(header: TarMember, sizeBytes: number): string {
  const { path, kind, mode, uid, gid, target, node, attributes = [], segments } = header;
  const bytes = (all: Uint8Array | undefined) => all && byteText(all);
  const xattrs = attributes.map(({ name, value }) => [name, byteText(value)]);
  const said = [
    bytes(path),
    kind,
    mode,
    uid,
    gid,
    sizeBytes,
    bytes(target),
    node,
    xattrs,
    segments,
  ];
  return JSON.stringify(said);
}
