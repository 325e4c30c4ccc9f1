// The plugins that the package brings, built as their authors would: a manifest, the module that it
// names, and what that needs, in a directory of their own.

import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import type { Notices } from "./notices.ts";
import { DIST, ROOT } from "./step.ts";

/** What is built of each: modules are imported by the loader, scripts are started by themselves. */
const PLUGINS = {
  wasi: [
    { source: "plugin.ts", file: "plugin.mjs", format: "es" },
    { source: "container.ts", file: "container.cjs", format: "cjs" },
    { source: "thread.ts", file: "thread.cjs", format: "cjs" },
  ],
  registry: [{ source: "plugin.ts", file: "plugin.mjs", format: "es" }],
} as const;

export async function buildPlugins({ plugin }: Notices): Promise<void> {
  for (const [name, files] of Object.entries(PLUGINS)) {
    const own = join(ROOT, "plugins", name);
    const placed = join(DIST, "plugins", name);
    mkdirSync(join(placed, "dist"), { recursive: true });
    for (const { source, file, format } of files) {
      const build = await rolldown({
        cwd: ROOT,
        input: join(own, source),
        platform: "node",
        external: (id) => id.startsWith("node:"),
        plugins: [plugin],
      });
      const built = join(own, "dist", file);
      await build.write({ file: built, format, minify: true, codeSplitting: false });
      copyFileSync(built, join(placed, "dist", file));
    }
    copyFileSync(join(own, "package.json"), join(placed, "package.json"));
  }
}
