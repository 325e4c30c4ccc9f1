// What a directory of this machine has at a place, as images have theirs: for volumes of a container
// whose root it is. Names are resolved in it each time, as nobody keeps it from being changed.

import type { Core } from "@nacre/core/core.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { ImageContent } from "../volumes/fill.ts";
import { spooledTar } from "./spooled-tar.ts";
import { treeArchive } from "./tree-archive.ts";

export interface PlaceInDirectory {
  readonly root: string;
  /** As the container has it. */
  readonly place: string;
  /** Where a tar of it may wait. */
  readonly spool: string;
  /** Nothing is taken of where this lies. */
  readonly stateRoot: string;
}

/** Has `use` take what is there: at the root of its tree. Not where there is no directory. */
export async function withDirectoryContent(
  core: Core,
  files: Files,
  { root, place, spool: path, stateRoot }: PlaceInDirectory,
  use: (content: ImageContent) => Promise<void>,
): Promise<void> {
  const encoder = new TextEncoder();
  const real = (directory: string, name: string): string | undefined => {
    const found = files.find(directory, encoder.encode(name), true);
    return found?.entry?.kind === "directory" ? new TextDecoder().decode(found.path) : undefined;
  };
  const found = files.find(root, encoder.encode(place), true);
  const [top, state] = [real("/", `${root}/${real(root, place)}`), real("/", stateRoot)];
  if (found?.entry?.kind !== "directory" || top === undefined) return;
  if (`${state}/`.startsWith(top === "" ? "" : `${top}/`)) return;
  const spool = await files.create(path);
  try {
    const spooled = await spooledTar(core, treeArchive(files, root, found, "."), spool);
    if (spooled) await use({ layers: [spooled.layer], tree: () => spooled.tree });
  } finally {
    await spool.discard();
  }
}
