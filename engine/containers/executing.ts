// A container's command, and one that joins a container that runs.

import { NacreError } from "@nacre/core/error.ts";
import type { Kernel, ProcessStreams, RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { identity } from "./reconcile.ts";
import { commandError } from "./start-failure.ts";

/** @throws NacreError that says of the command what stood in its way */
export async function execute(
  kernel: Kernel,
  program: KernelProgram,
  streams: ProcessStreams,
): Promise<RunningProgram> {
  try {
    return await kernel.execute(program, streams);
  } catch (error) {
    throw commandError(error, program);
  }
}

/**
 * @throws NacreError `conflict` where the container ended before its namespaces were joined, else
 *   what stands in the way of the command
 */
export async function join(
  kernel: Kernel,
  { name, process }: ContainerRecord,
  program: KernelProgram,
  streams: ProcessStreams,
): Promise<RunningProgram> {
  try {
    return await kernel.execute(program, streams);
  } catch (error) {
    const failed = error instanceof NacreError && ["kernel", "interrupted"].includes(error.kind);
    if (!failed || kernel.alive(identity(process))) throw commandError(error, program);
    throw new NacreError("conflict", `cannot execute in container ${name}: it has just ended`, {
      cause: error,
    });
  }
}
