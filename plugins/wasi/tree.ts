// The container's files as a module sees them. @wasmer/wasi knows one file system, in memory: the
// tree is read into it before the module starts, and what the module changed is written back when
// it ends. A symlink shows what it leads to; devices, pipes and sockets are not there.

import type { InterpretedFiles } from "@nacre/core/ports/runtime.ts";

/** A directory, or a file with its bytes. Directories come before what is in them. */
export interface TreeEntry {
  /** Absolute. */
  readonly path: string;
  readonly data?: Uint8Array;
}

/** What a module did to its tree. */
export interface TreeChanges {
  readonly written: readonly TreeEntry[];
  /** What is in a directory comes before it. */
  readonly removed: readonly TreeEntry[];
}

/** The kernel's own, which mean nothing to a module, and what the engine put there. */
const NOT_SHOWN = new Set(["/dev", "/proc", "/sys"]);

/** All is held in memory twice, beside the module's own. */
export const TREE_LIMIT_BYTES = 512 * 2 ** 20;

export class TreeTooLarge extends Error {}

/** Reads everything below `/`. @throws TreeTooLarge */
export function readTree(files: InterpretedFiles): TreeEntry[] {
  const entries: TreeEntry[] = [];
  let bytes = 0;
  const visit = (directory: string, links: number): void => {
    for (const name of namesIn(files, directory)) {
      const path = `${directory === "/" ? "" : directory}/${name}`;
      if (NOT_SHOWN.has(path)) continue;
      const status = statusOf(files, path);
      if (status?.kind === "directory") {
        // One link deep: that shows /bin → /usr/bin and ends where links go round in circles.
        const through = links + (isLink(files, path) ? 1 : 0);
        if (through > 1) continue;
        entries.push({ path });
        visit(path, through);
      } else if (status?.kind === "file") {
        bytes += status.sizeBytes;
        if (bytes > TREE_LIMIT_BYTES) throw new TreeTooLarge();
        const data = contentOf(files, path);
        if (data) entries.push({ path, data });
      }
    }
  };
  visit("/", 0);
  return entries;
}

/** Undefined for what has gone meanwhile, leads nowhere, or may not be looked at. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

const namesIn = (files: InterpretedFiles, path: string): readonly string[] =>
  attempt(() => files.list(path)) ?? [];
const statusOf = (files: InterpretedFiles, path: string) => attempt(() => files.status(path));
const contentOf = (files: InterpretedFiles, path: string) => attempt(() => files.readBytes(path));
const isLink = (files: InterpretedFiles, path: string): boolean =>
  attempt(() => files.status(path, { follow: false }))?.kind === "symlink";

/** A loop: `every` takes ten times as long, and a module may be of some megabytes. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** From what a module was given and what it left. */
export function changesOf(before: readonly TreeEntry[], after: readonly TreeEntry[]): TreeChanges {
  const old = new Map(before.map((entry) => [entry.path, entry]));
  const left = new Set(after.map(({ path }) => path));
  const written = after.filter(({ path, data }) => {
    const was = old.get(path);
    if (!was || (was.data === undefined) !== (data === undefined)) return true;
    return data !== undefined && was.data !== undefined && !sameBytes(was.data, data);
  });
  const removed = before.filter(({ path }) => !left.has(path)).reverse();
  return { written, removed };
}

/** Makes the changes; the first failure of each path is told to `onFailure` and the rest goes on. */
export function applyChanges(
  files: InterpretedFiles,
  { written, removed }: TreeChanges,
  onFailure: (path: string, error: unknown) => void,
): void {
  const act = (path: string, work: () => void): void => {
    try {
      work();
    } catch (error) {
      onFailure(path, error);
    }
  };
  for (const { path, data } of removed) {
    act(path, () => (data ? files.remove(path) : files.removeDirectory(path)));
  }
  for (const { path, data } of written) {
    act(path, () => (data ? files.write(path, data) : files.makeDirectory(path)));
  }
}
