// Everything that core.wasm exports, under the names that core/core.ts reads.

export {
  chainFaultIndex,
  chainIds,
  digestCheck,
  sha256Hex,
  sha256New,
  sha256Reset,
  sha256Update,
} from "./digest";
export { alloc, IO_CAPACITY, io } from "./memory";
export { referenceParse, referenceResult } from "./reference";
