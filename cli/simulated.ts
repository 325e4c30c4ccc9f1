// `import { simulate } from "nacre/simulated"`: containers in memory, for tests and for pages.
// docs/TESTING.md is its guide.

/// <reference lib="esnext.disposable" />

export { type ErrorDetail, type ErrorKind, NacreError } from "@nacre/core/error.ts";
export type * from "@nacre/engine/engine.ts";
export { Errno, type ErrnoName } from "@nacre/simulated/errno.ts";
export type { Fault, FaultOptions, FaultRule, Point, Victim } from "@nacre/simulated/faults.ts";
export {
  type ChildOptions,
  type ChildProgram,
  defineProgram,
  type ProgramContext,
  type ProgramSystem,
  type Signal,
  type SignalHandler,
  type SimulatedProgram,
  type SpawnOptions,
} from "@nacre/simulated/program.ts";
export type { FileInformation, ProgramFiles } from "@nacre/simulated/program-files.ts";
export type { ProgramStream } from "@nacre/simulated/program-stream.ts";
export type { FileLiteral, FilesLiteral, ImageLiteral } from "./simulate/image-literal.ts";
export {
  type RunOptions,
  type RunResult,
  type SimulateOptions,
  type Simulation,
  simulate,
} from "./simulate/simulate.ts";
export { tools } from "./simulate/tools.ts";
