// Everything that core.wasm exports, under the names that core/core.ts reads.
export { alloc, IO_CAPACITY, io } from "./memory";
