// Cgroups and namespaces of the machine. Few commands look at them: what these need is loaded when
// it is called for, and is a bundle of its own (scripts/steps/bundles.ts).

import type { CgroupLayout } from "@nacre/core/cgroup-layout.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { Cgroups, Containers, Namespaces } from "./engine.ts";
import type { StatePaths } from "./images/paths.ts";
import type { EngineOptions } from "./options.ts";

interface ViewPorts {
  readonly kernel: Kernel;
  readonly files: Files;
  readonly state: StateStore;
  readonly clock: Clock;
}

/** Loads its services with the first call of each. */
export function cgroupsView(
  { kernel, files }: ViewPorts,
  containers: Containers,
  layout: () => CgroupLayout,
  { core }: Pick<EngineOptions, "core">,
): Cgroups {
  const looks = async () => {
    const { CgroupService } = await import("./cgroups/cgroups.ts");
    return new CgroupService(core, files, containers, layout);
  };
  const mounts = async () => {
    const { CgroupMounts } = await import("./cgroups/mount.ts");
    return new CgroupMounts(kernel, files);
  };
  return {
    tree: async (at) => (await looks()).tree(at),
    cssSets: async () => (await looks()).cssSets(),
    mountProgram: async (request) => (await mounts()).program(request),
    mount: async (request) => (await mounts()).mount(request),
    unmount: async (target) => (await mounts()).unmount(target),
  };
}

/** Loads its services with the first call of each; pins alone are read without. */
export function namespacesView(
  { kernel, files, state, clock }: ViewPorts,
  containers: Containers,
  paths: StatePaths,
  { bootId }: Pick<EngineOptions, "bootId">,
): Namespaces {
  const pins = () => state.read((t) => t.list("pin"));
  const service = async () => {
    const { NamespaceService } = await import("./namespaces/namespaces.ts");
    const { Pins } = await import("./namespaces/pins.ts");
    const held = new Pins(kernel, files, state, clock, paths, bootId);
    return new NamespaceService(kernel, files, containers, held, paths);
  };
  return {
    pins,
    list: async (options) => (await service()).list(options),
    pinProgram: async (...of) => (await service()).pinProgram(...of),
    pin: async (...of) => (await service()).pin(...of),
    unpin: async (name) => (await service()).unpin(name),
    prunePins: async (options) => (pins().length === 0 ? [] : (await service()).prunePins(options)),
    execProgram: async (...of) => (await service()).execProgram(...of),
    exec: async (...of) => (await service()).exec(...of),
  };
}
