// What the simulated backend provides, for the composition root.

import { Clock } from "@nacre/core/ports/clock.ts";
import { Kernel } from "@nacre/core/ports/kernel.ts";
import { ContainerModule } from "inversify";
import { SimulatedKernel, type SimulatedKernelOptions } from "./kernel.ts";

/** The kernel alone, on whatever clock is bound. */
export function simulatedKernelModule(options: SimulatedKernelOptions = {}): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(Kernel)
      .toResolvedValue((clock: Clock) => new SimulatedKernel(clock, options), [Clock])
      .inSingletonScope();
  });
}
