import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const assembly = join(dirname(fileURLToPath(import.meta.url)), "core", "assembly");

export default defineConfig({
  plugins: [
    {
      // The core's AssemblyScript also runs as JavaScript (test/core/portable.ts), where memory
      // is an ArrayBuffer instead of the module's own.
      name: "portable-core-memory",
      enforce: "pre",
      resolveId(source, importer) {
        const inside = importer !== undefined && dirname(importer) === assembly;
        return inside && source === "./memory" ? join(assembly, "memory.portable.ts") : undefined;
      },
    },
  ],
  test: {
    include: ["test/**/*.test.ts"],
    pool: "threads",
    maxWorkers: 2,
  },
});
