// What the simulated backend provides, for the composition root.

import type { Core } from "@nacre/core/core.ts";
import { Clock } from "@nacre/core/ports/clock.ts";
import { Files } from "@nacre/core/ports/files.ts";
import { Kernel } from "@nacre/core/ports/kernel.ts";
import { ContainerModule } from "inversify";
import { SimulatedKernel, type SimulatedKernelOptions } from "./kernel.ts";
import { type HostDirectories, SharedFiles } from "./shared-files.ts";

export interface SimulatedModuleOptions extends Omit<SimulatedKernelOptions, "core"> {
  /** Directories of the host that stay real. */
  readonly host: HostDirectories;
  readonly core: () => Core;
  /** Directories that the machine has from the start. */
  readonly directories?: readonly string[];
}

/** The kernel, on whatever clock is bound, and the Files of a machine that shares some of its host's. */
export function simulatedKernelModule(options: SimulatedModuleOptions): ContainerModule {
  const { host, core } = options;
  return new ContainerModule(({ bind, rebind }) => {
    bind(SimulatedKernel)
      .toResolvedValue(
        (clock: Clock) => {
          const kernel = new SimulatedKernel(clock, {
            ...options,
            core: core(),
          });
          for (const path of host.directories) kernel.shareDirectory(host.files, path);
          for (const path of options.directories ?? []) kernel.hostFiles().makeDirectory(path);
          return kernel;
        },
        [Clock],
      )
      .inSingletonScope();
    bind(Kernel).toService(SimulatedKernel);
    rebind(Files)
      .toResolvedValue(
        (kernel: SimulatedKernel) => new SharedFiles(kernel.hostFiles(), host),
        [SimulatedKernel],
      )
      .inSingletonScope();
  });
}
