// Cgroups and namespaces of the machine. Few commands look at them: what these need is loaded when
// it is called for, and is a bundle of its own (scripts/steps/bundles.ts).

import type { CgroupLayout } from "@nacre/core/cgroup-layout.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { Cgroups, Containers, Namespaces } from "./engine.ts";
import type { EngineOptions } from "./options.ts";

interface ViewPorts {
  readonly kernel: Kernel;
  readonly files: Files;
}

export function kernelViews(
  { kernel, files }: ViewPorts,
  containers: Containers,
  layout: () => CgroupLayout,
  { core }: Pick<EngineOptions, "core">,
): { cgroups: Cgroups; namespaces: Namespaces } {
  const cgroups = async () => {
    const { CgroupService } = await import("./cgroups/cgroups.ts");
    return new CgroupService(core, files, containers, layout);
  };
  const mounts = async () => {
    const { CgroupMounts } = await import("./cgroups/mount.ts");
    return new CgroupMounts(kernel, files);
  };
  const namespaces = async () => {
    const { NamespaceService } = await import("./namespaces/namespaces.ts");
    return new NamespaceService(kernel, files, containers);
  };
  return {
    cgroups: {
      tree: async (at) => (await cgroups()).tree(at),
      cssSets: async () => (await cgroups()).cssSets(),
      mountProgram: async (request) => (await mounts()).program(request),
      mount: async (request) => (await mounts()).mount(request),
      unmount: async (target) => (await mounts()).unmount(target),
    },
    namespaces: { list: async (options) => (await namespaces()).list(options) },
  };
}
