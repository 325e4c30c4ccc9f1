import { Core } from "@nacre/core/core.ts";
import { CORE_WASM } from "@nacre/core/dist/embedded.ts";

let core: Core | undefined;

/** The core without a file: compiled once for all simulations of a process, or of a page. */
export function embeddedCore(): Core {
  core ??= Core.fromBytes(Uint8Array.from(atob(CORE_WASM), (character) => character.charCodeAt(0)));
  return core;
}
