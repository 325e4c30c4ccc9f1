import type { Files } from "@nacre/core/ports/files.ts";

/** Bytes of all files below a directory, each counted once however many names it has. */
export function treeBytes(files: Files, directory: string): number {
  const seen = new Set<bigint>();
  let bytes = 0;
  const pending = [directory];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const status = files.status(path);
    // What goes meanwhile does not count.
    if (!status || seen.has(status.inode)) continue;
    seen.add(status.inode);
    if (status.kind === "directory") {
      for (const name of files.list(path)) pending.push(`${path}/${name}`);
    } else bytes += status.sizeBytes;
  }
  return bytes;
}
