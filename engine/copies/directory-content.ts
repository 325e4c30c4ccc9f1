// What a directory of this machine has at a place, as images have theirs: for volumes of a container
// whose root it is. Names are resolved in it each time, as nobody keeps it from being changed.

import type { Core } from "@nacre/core/core.ts";
import type { Files, FoundEntry } from "@nacre/core/ports/files.ts";
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
  const directory = (tree: string, name: string): FoundEntry | undefined => {
    const found = files.find(tree, new TextEncoder().encode(name), true);
    return found?.entry?.kind === "directory" ? found : undefined;
  };
  const text = (found?: FoundEntry): string => new TextDecoder().decode(found?.path);
  const found = directory(root, place);
  const top = found && directory("/", `${root}/${text(found)}`);
  if (!top) return;
  const [above, state] = [text(top), text(directory("/", stateRoot))];
  if (`${state}/`.startsWith(above === "" ? "" : `${above}/`)) return;
  const spool = await files.create(path);
  try {
    const spooled = await spooledTar(core, treeArchive(files, root, found, "."), spool);
    if (spooled) await use({ layers: [spooled.layer], tree: () => spooled.tree });
  } finally {
    await spool.discard();
  }
}
