// Builds. Few commands make any: what these need is loaded when it is called for.

import type { Platform } from "@nacre/core/oci/image.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { Builds } from "../build-interface.ts";
import type { ContainerRecords } from "../containers/container-records.ts";
import type { Planner } from "../containers/planner.ts";
import type { ContainerStorage } from "../containers/storage.ts";
import type { TakeDown } from "../containers/take-down.ts";
import type { Containers, Images } from "../engine.ts";
import type { EventBus } from "../event-bus.ts";
import type { ImageService } from "../images/images.ts";
import type { LayerStore } from "../images/layer-store.ts";
import type { StatePaths } from "../images/paths.ts";
import type { EngineOptions } from "../options.ts";
import type { ImageArchivePorts } from "../roots/image-archives.ts";

type Ports = ImageArchivePorts & {
  readonly kernel: Kernel;
  readonly state: StateStore;
  readonly random: Random;
};

/** The engine's other parts, as far as builds need them. */
export interface BuildParts {
  readonly images: ImageService;
  readonly layers: LayerStore;
  readonly containers: Containers;
  readonly records: ContainerRecords;
  readonly planner: Planner;
  readonly storage: ContainerStorage;
  readonly takeDown: TakeDown;
  readonly snapshotter: Snapshotter;
  readonly bus: EventBus;
  readonly paths: StatePaths;
  readonly platform: Platform;
  readonly shared: () => Pick<Images, "push">;
}

/** What every engine has of builds; the rest is loaded when it is called. */
export function buildsView(ports: Ports, parts: BuildParts, options: EngineOptions): Builds {
  const upkeep = async () => {
    const { CacheUpkeep } = await import("./cache-upkeep.ts");
    return new CacheUpkeep(ports.files, ports.state, ports.clock, parts.images, parts.paths);
  };
  const builder = async () => {
    const { makeBuilder } = await import("./assembly.ts");
    return makeBuilder(ports, parts, options, upkeep);
  };
  return {
    build: async (wanted) => (await builder()).build(wanted),
    survey: async (wanted) => (await builder()).survey(wanted),
    cache: async () => (await upkeep()).entries(),
    pruneCache: async (wanted = {}) => (await upkeep()).prune(wanted),
  };
}

export type { Ports as BuildPorts };
