import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, run, upToDate } from "./step.ts";

/**
 * core.wasm: imports nothing and uses SIMD where it scans. Runtime `stub` is a bump allocator that
 * hands out memory as it came, zeroed; core/assembly/memory.ts counts on that.
 */
export async function buildCore(): Promise<void> {
  const target = join(ROOT, "core", "dist", "core.wasm");
  const embedded = join(ROOT, "core", "dist", "embedded.ts");
  if (existsSync(embedded) && upToDate(target, join(ROOT, "core", "assembly"))) return;
  mkdirSync(join(ROOT, "core", "dist"), { recursive: true });
  // Not in place: whoever runs the tests meanwhile must not read half a module.
  const fresh = `${target}.${process.pid}`;
  const options = ["-O3", "--runtime", "stub", "--noAssert", "--use", "abort=", "--enable", "simd"];
  await run("asc", ["core/assembly/index.ts", ...options, "-o", fresh]);
  // As text too, for hosts that have no files: a browser, a bundle of somebody else's.
  const base64 = readFileSync(fresh).toString("base64");
  writeFileSync(`${fresh}.ts`, `export const CORE_WASM = "${base64}";\n`);
  renameSync(`${fresh}.ts`, embedded);
  renameSync(fresh, target);
}
