// What the simulated backend provides, for the composition root.

import { Clock } from "@nacre/core/ports/clock.ts";
import { Files } from "@nacre/core/ports/files.ts";
import { Kernel } from "@nacre/core/ports/kernel.ts";
import { ContainerModule } from "inversify";
import { SimulatedKernel, type SimulatedKernelOptions } from "./kernel.ts";
import { type LayerSource, layerTrees } from "./layer-tree.ts";
import { type HostDirectories, SharedFiles } from "./shared-files.ts";

export interface SimulatedModuleOptions extends Omit<SimulatedKernelOptions, "erofs" | "core"> {
  /** Directories of the host that stay real. */
  readonly host: HostDirectories;
  /** What the layers among them are read with. */
  readonly layers: LayerSource;
  /** Directories that the machine has from the start. */
  readonly directories?: readonly string[];
}

/** The kernel, on whatever clock is bound, and the Files of a machine that shares some of its host's. */
export function simulatedKernelModule(options: SimulatedModuleOptions): ContainerModule {
  const { host, layers } = options;
  return new ContainerModule(({ bind, rebind }) => {
    bind(SimulatedKernel)
      .toResolvedValue(
        (clock: Clock) => {
          const kernel = new SimulatedKernel(clock, {
            ...options,
            core: layers.core(),
            erofs: layerTrees(layers),
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
