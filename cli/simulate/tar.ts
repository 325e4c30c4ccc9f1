// A layer from a literal: files by path, written as the tar that a registry would send.

import { concatenate } from "@nacre/core/bytes.ts";
import { TAR_END, type TarMember, tarHeader, tarPadding } from "@nacre/core/tar-writer.ts";

const encoder = new TextEncoder();

export interface TarEntry {
  /** Without a slash at its start. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly content?: Uint8Array;
  /** Of a symlink. */
  readonly target?: string;
}

function blocksOf(entry: TarEntry): Uint8Array[] {
  const { path, type: kind, mode, uid, gid, content = new Uint8Array(), target } = entry;
  const member: TarMember = {
    ...{ path: encoder.encode(path), kind, mode, uid, gid, mtimeSeconds: 0 },
    sizeBytes: content.length,
    ...(target !== undefined && { target: encoder.encode(target) }),
  };
  return [tarHeader(member), content, tarPadding(content.length)];
}

/** Entries in their order: a directory stands before what is in it. */
export function tarOf(entries: readonly TarEntry[]): Uint8Array<ArrayBuffer> {
  return concatenate([...entries.flatMap(blocksOf), TAR_END]);
}
