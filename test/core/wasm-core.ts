// The core as it is built, for tests and benchmarks.

import { readFileSync } from "node:fs";
import { Core } from "@nacre/core/core.ts";

const wasm = new WebAssembly.Module(
  readFileSync(new URL("../../core/dist/core.wasm", import.meta.url)),
);

/** A fresh core.wasm. */
export function wasmCore(): Core {
  return Core.fromModule(wasm);
}
