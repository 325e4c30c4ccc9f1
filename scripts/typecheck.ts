// `node scripts/typecheck.ts`: the TypeScript of the house, and the core's AssemblyScript as the
// TypeScript that it also is (core/assembly/tsconfig.json gives it AssemblyScript's own types).

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PROJECTS = [".", "core/assembly"];

const failed = PROJECTS.filter((project) => {
  const tsc = join(ROOT, "node_modules", ".bin", "tsc");
  return spawnSync(tsc, ["-p", project], { cwd: ROOT, stdio: "inherit" }).status !== 0;
});
if (failed.length > 0) {
  console.error(`the types do not hold in: ${failed.join(", ")}`);
  process.exit(1);
}
