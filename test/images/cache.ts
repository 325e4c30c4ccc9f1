// Images that take long to make are made once on a machine: as OCI layouts in the user's cache,
// named after what they are made from. A changed recipe is another name.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The tag under which every layout of the cache holds its image. */
export const CACHED_TAG = "image";

function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const folder = join(base, "nacre-test-images");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * The folder of a layout, made by `make` (in a temporary place, then renamed: an interrupted one
 * leaves nothing that would be used). `recipe` is everything that decides its content.
 */
export async function cachedLayout(
  name: string,
  recipe: string,
  make: (folder: string) => Promise<unknown>,
): Promise<string> {
  const key = createHash("sha256").update(recipe).digest("hex").slice(0, 16);
  const final = join(cacheFolder(), `${name}-${key}`);
  if (existsSync(final)) return final;
  const temporary = mkdtempSync(join(cacheFolder(), ".making-"));
  try {
    await make(temporary);
    renameSync(temporary, final);
  } catch (error) {
    if (!existsSync(final)) throw error; // another process was faster otherwise
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return final;
}
