// What of this machine a container needs so that Node runs in it: the binary, and the libraries
// that this process was loaded with. They are bound one by one; nothing else of the machine is seen.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import process from "node:process";

export interface NodeParts {
  readonly node: string;
  /** The dynamic linker; undefined for a Node that needs none. */
  readonly linker: string | undefined;
  /** Path by the name under which the linker looks for it. */
  readonly libraries: ReadonlyMap<string, string>;
}

/** `libstdc++.so.6.0.30` is asked for as `libstdc++.so.6`: by its soname. */
const SONAME = /^lib[^/]*?\.so(\.\d+)?/;
const LINKER = /^ld-[^/]*\.so[^/]*$/;

/** From proc_pid_maps(5). */
function nodeParts(maps: string, node: string): NodeParts {
  const paths = new Set(maps.split("\n").flatMap((line) => /\s(\/\S+)$/.exec(line)?.[1] ?? []));
  const libraries = new Map<string, string>();
  let linker: string | undefined;
  for (const path of paths) {
    const name = basename(path);
    if (LINKER.test(name)) linker = path;
    else if (SONAME.test(name)) libraries.set(SONAME.exec(name)![0], path);
  }
  return { node, linker, libraries };
}

/** Of the Node that runs this. */
export const ownParts = (): NodeParts =>
  nodeParts(readFileSync("/proc/self/maps", "utf8"), process.execPath);
