// `import { createEngine } from "nacre"`: the engine in one's own process.

/// <reference lib="esnext.disposable" />

export { type ErrorDetail, type ErrorKind, NacreError } from "@nacre/core/error.ts";
export type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
export type { LogLine } from "@nacre/core/ports/log-driver.ts";
export { printProgram, programToJson } from "@nacre/core/program/printer.ts";
export type { KernelProgram } from "@nacre/core/program/program.ts";
export type {
  ContainerRequest,
  RequestedMount,
  ResourceRequest,
} from "@nacre/core/program/request.ts";
export type { ContainerRecord, EventRecord, ImageRecord } from "@nacre/core/state/records.ts";
export type * from "@nacre/engine/engine.ts";
export { type CreateEngineOptions, createEngine } from "./composition.ts";
