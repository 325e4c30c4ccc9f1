import { join } from "node:path";
import { ROOT, run } from "./step.ts";

/** nacre-init, the addon that starts it, and nacre-start: where they run; the simulated backend needs none. */
export async function buildInit(): Promise<void> {
  if (process.platform !== "linux") return;
  const starter = ["x64", "arm64"].includes(process.arch) ? ["launcher"] : [];
  for (const folder of ["native", "addon", ...starter]) {
    await run("make", ["-s", "-C", join(ROOT, "backends", "linux", folder)]);
  }
}
