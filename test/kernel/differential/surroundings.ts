// What both kernels have alike: root's capabilities on the machine that these tests run on, which in
// a container is not everything; and the core, which the simulated kernel counts cgroups with.

import { readFileSync } from "node:fs";
import { Core } from "@nacre/core/core.ts";

export interface Surroundings {
  readonly capabilities: bigint;
  readonly core: Core;
}

const WASM = new URL("../../../core/dist/core.wasm", import.meta.url);

export function surroundings(): Surroundings {
  const status = readFileSync("/proc/self/status", "utf8");
  const capabilities = BigInt(`0x${/CapEff:\s*([0-9a-f]+)/.exec(status)?.[1]}`);
  const core = Core.fromModule(new WebAssembly.Module(readFileSync(WASM)));
  return { capabilities, core };
}
