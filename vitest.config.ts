import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const assembly = join(dirname(fileURLToPath(import.meta.url)), "core", "assembly");

/** Sees to it that CI tries the same random cases every time. */
const seeded = join(dirname(fileURLToPath(import.meta.url)), "test", "seeded-fast-check.ts");

/**
 * Protections that are taken out of their source, to see whether tests miss them: `npm run escapes`
 * runs tests so (test/escapes/guards.ts). Each is a file, its text, and another text.
 */
const WITHOUT: readonly (readonly [file: string, from: string, to: string])[] = JSON.parse(
  process.env.NACRE_TEST_WITHOUT ?? "[]",
);

/** Needs root, and changes mounts, cgroups and processes of this machine. */
const REAL_KERNEL = ["test/kernel/**/*.test.ts", "test/benchmarks/**/*.test.ts"];

export default defineConfig({
  plugins: [
    {
      name: "without-protections",
      enforce: "pre",
      transform(code, id) {
        return WITHOUT.filter(([file]) => id.endsWith(`/${file}`)).reduce(
          (text, [, from, to]) => text.replaceAll(from, to),
          code,
        );
      },
    },
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
    {
      name: "seeded-fast-check",
      enforce: "pre",
      resolveId(source, importer) {
        return source === "fast-check" && importer !== seeded ? seeded : undefined;
      },
    },
  ],
  test: {
    // What was transformed otherwise must not be taken for this, nor this be kept for others.
    fsModuleCache: WITHOUT.length === 0,
    // What is waited for comes in milliseconds; on a machine that is busy with something else, in seconds.
    expect: { poll: { timeout: 20_000 } },
    // Two cores: pure tests share them; what touches the real kernel then runs alone, one file
    // after the other, because it compares the machine before and after.
    projects: [
      {
        extends: true,
        test: {
          name: "pure",
          include: ["test/**/*.test.ts"],
          exclude: REAL_KERNEL,
          pool: "threads",
          maxWorkers: 2,
          // They take milliseconds; on a machine that is busy with something else, seconds.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "kernel",
          include: REAL_KERNEL,
          pool: "forks",
          maxWorkers: 1,
          testTimeout: 120_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
