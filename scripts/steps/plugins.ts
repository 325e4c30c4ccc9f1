// The plugins that the package brings, built as their authors would: a manifest, the module that it
// names, and what that needs, in a directory of their own.

import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { DIST, ROOT } from "./step.ts";

const WASI = join(ROOT, "plugins", "wasi");

/** The module is imported by the loader; the two scripts are started by themselves. */
const FILES = [
  { source: "plugin.ts", file: "plugin.mjs", format: "es" },
  { source: "container.ts", file: "container.cjs", format: "cjs" },
  { source: "thread.ts", file: "thread.cjs", format: "cjs" },
] as const;

export async function buildPlugins(): Promise<void> {
  const placed = join(DIST, "plugins", "wasi");
  mkdirSync(join(placed, "dist"), { recursive: true });
  for (const { source, file, format } of FILES) {
    const build = await rolldown({
      cwd: ROOT,
      input: join(WASI, source),
      platform: "node",
      external: (id) => id.startsWith("node:"),
    });
    const built = join(WASI, "dist", file);
    await build.write({ file: built, format, minify: true });
    copyFileSync(built, join(placed, "dist", file));
  }
  copyFileSync(join(WASI, "package.json"), join(placed, "package.json"));
}
