import { join } from "node:path";
import { ROOT, run } from "./step.ts";

/** nacre-init, where it can run: elsewhere the simulated backend needs none. */
export async function buildInit(): Promise<void> {
  if (process.platform !== "linux") return;
  await run("make", ["-s", "-C", join(ROOT, "backends", "linux", "native")]);
}
