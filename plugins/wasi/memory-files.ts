// The tree in @wasmer/wasi's file system, and out of it again.

import { MemFS } from "@wasmer/wasi";
import type { TreeEntry } from "./tree.ts";

interface Found {
  readonly path: string;
  readonly metadata: { readonly filetype: { readonly dir: boolean } };
}

/** Directories on the way to an entry are made, and the working directory, too. */
export function fill(entries: readonly TreeEntry[], workingDirectory: string): MemFS {
  const files = new MemFS();
  const known = new Set<string>();
  const directory = (path: string): void => {
    if (path === "" || path === "/" || known.has(path)) return;
    directory(path.slice(0, path.lastIndexOf("/")));
    files.createDir(path);
    known.add(path);
  };
  for (const { path, data } of entries) {
    if (!data) {
      directory(path);
      continue;
    }
    const file = files.open(path, { read: true, write: true, create: true });
    // Written to a copy: its bytes are read back by the library.
    if (data.length > 0) file.write(data.slice());
    file.free();
  }
  directory(workingDirectory);
  return files;
}

/** Everything in it, directories first. */
export function empty(files: MemFS): TreeEntry[] {
  const entries: TreeEntry[] = [];
  const visit = (directory: string): void => {
    for (const { path, metadata } of files.readDir(directory) as Found[]) {
      if (metadata.filetype.dir) {
        entries.push({ path });
        visit(path);
      } else {
        const file = files.open(path, { read: true });
        entries.push({ path, data: file.size() > 0n ? file.read() : new Uint8Array() });
        file.free();
      }
    }
  };
  visit("/");
  return entries;
}
