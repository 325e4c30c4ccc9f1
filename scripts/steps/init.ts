import { join } from "node:path";
import { ROOT, run } from "./step.ts";

/** nacre-init and the addon that starts it, where they can run: the simulated backend needs none. */
export async function buildInit(): Promise<void> {
  if (process.platform !== "linux") return;
  for (const folder of ["native", "addon"]) {
    await run("make", ["-s", "-C", join(ROOT, "backends", "linux", folder)]);
  }
}
