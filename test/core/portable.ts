// The two builds of the core's sources, for tests that hold them against each other.

import "assemblyscript/std/portable/index.js";
import { Core, type CoreExports } from "@nacre/core/core.ts";
import { wasmCore } from "./wasm-core.ts";

// Loaded late: the sources need the globals of assemblyscript/std/portable from their first line.
const index = "../../core/assembly/index.ts";
const sources: Record<string, unknown> = await import(index);
const memory: { memory: CoreExports["memory"] } = await import(
  "../../core/assembly/memory.portable.ts"
);

/** The same sources as JavaScript: one arena, shared by all of a test file. */
export function portableCore(): Core {
  return new Core({ ...sources, ...memory } as unknown as CoreExports);
}

/** Both, with names for `describe.each`. */
export const builds: readonly { build: string; core: () => Core }[] = [
  { build: "core.wasm", core: wasmCore },
  { build: "the JavaScript build", core: portableCore },
];
