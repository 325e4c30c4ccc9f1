// Files of containers, as `cp` sees them.

import type { TreeEntry } from "@nacre/core/ports/files.ts";

/** What a path in a container names. */
export interface PathStatus {
  readonly kind: TreeEntry["kind"];
  readonly sizeBytes: number;
  readonly mode: number;
  readonly modifiedMs: number;
  /** Of a symlink: where it leads in the container in the end, absolute; nothing need be there. */
  readonly target?: string;
}

/** Something that is read out of a container. */
export interface CopiedEntry {
  /** `path` is relative to what was asked for, and empty for that itself. */
  readonly entry: TreeEntry;
  /** Equal for, and only for, names of one file. */
  readonly identity?: string;
  /** Whether the container's users are others on this machine: its root is nobody's superior here. */
  readonly mapped?: true;
  /** The contents of a file. */
  read(): AsyncIterable<Uint8Array>;
}

export interface WriteOptions {
  /** Whether all of it becomes the container's user's, where it has one; else owners are as the tar says. */
  readonly ownedByUser?: boolean;
}

/**
 * The files of one container as its processes see them, with volumes and what else is mounted;
 * those of one that does not run without what a start would put in memory (/proc, /dev, tmpfs).
 * Paths are the container's own, whether they begin with a slash or not: links lead on inside of
 * it, and nothing leads out. A link at the end of a path is not followed, unless a slash or `/.`
 * stands behind it. It is to be disposed of: until then a container that does not run is not
 * started either.
 *
 * ```ts
 * await using files = await engine.containers.files("web");
 * for await (const chunk of files.read("/etc/nginx")) …
 * await files.write("/srv", tar);
 * ```
 *
 * Errors: NacreError `not-found` for what is not there, `conflict` once a container has ended that
 * ran.
 */
export interface ContainerFiles extends AsyncDisposable {
  /** Undefined where there is nothing. */
  status(path: string): PathStatus | undefined;
  /** A file, or a directory with all that it holds, each directory before that. */
  entries(path: string): AsyncIterable<CopiedEntry>;
  /** The same as a tar, whose names begin with the path's last one, or with `name`. */
  read(path: string, name?: string): AsyncIterable<Uint8Array>;
  /** Unpacks a tar into a directory, compressed with gzip or zstd or not. What is there stays, but for what is replaced; no directory replaces anything else, nor is replaced. NacreError `exists`, `corrupt`, `denied` where it is read-only. */
  write(directory: string, tar: AsyncIterable<Uint8Array>, options?: WriteOptions): Promise<void>;
}
