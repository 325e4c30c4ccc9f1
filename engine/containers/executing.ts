// A container's command, and one that joins a container that runs.

import { NacreError } from "@nacre/core/error.ts";
import type { Kernel, ProcessStreams, RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { ProcessUser } from "@nacre/core/program/user.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ExecRequest } from "../engine.ts";
import { identity } from "./process-identity.ts";
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
 * The same of a container's own command. What an update that came too late has made in the way of
 * its cgroups is taken down once.
 */
export async function begin(
  kernel: Kernel,
  program: KernelProgram,
  streams: ProcessStreams,
  takeDown: () => Promise<void>,
): Promise<RunningProgram> {
  try {
    return await execute(kernel, program, streams);
  } catch (error) {
    if (!(error instanceof NacreError && error.errno === "EEXIST")) throw error;
    await takeDown();
    return execute(kernel, program, streams);
  }
}

/**
 * Who a command is that joins a container. Docker ends it with 126 where there is nobody of that
 * name, but for one in the background, whose code nobody waits for.
 */
export function joining({ detached }: ExecRequest, look: () => ProcessUser): ProcessUser {
  try {
    return look();
  } catch (error) {
    const unknown = error instanceof NacreError && ["not-found", "invalid"].includes(error.kind);
    if (!unknown || detached) throw error;
    throw new NacreError("command-not-executable", error.message, {
      ...(error.advice !== undefined && { advice: error.advice }),
      cause: error,
    });
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
    // One that is about to end has lost its namespaces (ESRCH of setns) before it is seen to.
    const gone = failed && (error.errno === "ESRCH" || !kernel.alive(identity(process)));
    if (!gone) throw commandError(error, program);
    throw new NacreError("conflict", `cannot execute in container ${name}: it has just ended`, {
      cause: error,
    });
  }
}
