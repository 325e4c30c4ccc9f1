// `import type { Plugin, NetworkDriver } from "nacre/plugin"`: what authors of plugins write
// against. Types alone: a plugin is handed whatever else it needs when it is loaded.

export type { ErrorKind, NacreError } from "@nacre/core/error.ts";
export type { Clock } from "@nacre/core/ports/clock.ts";
export type { Codec } from "@nacre/core/ports/codec.ts";
export type { Fetch, FetchRequest, FetchResponse } from "@nacre/core/ports/fetch.ts";
export type { FileReader, FileStatus, Files, FileWriter } from "@nacre/core/ports/files.ts";
export type { Kernel, KernelFacts } from "@nacre/core/ports/kernel.ts";
export type { LogDriver, LogLine } from "@nacre/core/ports/log-driver.ts";
export type { NetworkDriver, NetworkPlan } from "@nacre/core/ports/network-driver.ts";
export type { Random } from "@nacre/core/ports/random.ts";
export type * from "@nacre/core/ports/runtime.ts";
export type * from "@nacre/core/ports/snapshotter.ts";
export type { Volume, VolumeDriver, VolumePlan } from "@nacre/core/ports/volume-driver.ts";
export type { Operation } from "@nacre/core/program/operation.ts";
export type * from "@nacre/plugin-loader/plugin.ts";
