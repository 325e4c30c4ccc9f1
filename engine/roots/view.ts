// Archives of containers. Few commands make any: what these need is loaded when it is called for.

import type { Platform } from "@nacre/core/oci/image.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { Archives } from "../archive-interface.ts";
import type { ContainerStorage } from "../containers/storage.ts";
import type { Containers } from "../engine.ts";
import type { EventBus } from "../event-bus.ts";
import type { ImageService } from "../images/images.ts";
import type { LayerStore } from "../images/layer-store.ts";
import type { StatePaths } from "../images/paths.ts";
import type { EngineOptions } from "../options.ts";
import type { ImageArchivePorts } from "./image-archives.ts";

type Ports = ImageArchivePorts & {
  readonly kernel: Kernel;
  readonly state: StateStore;
  readonly random: Random;
};

/** The engine's other parts, as far as archives need them. */
export interface ArchiveParts {
  readonly images: ImageService;
  readonly layers: LayerStore;
  readonly containers: Containers;
  readonly storage: ContainerStorage;
  readonly bus: EventBus;
  readonly paths: StatePaths;
  readonly platform: Platform;
}

/** Loads what reads, and what makes images, with the first call of each. */
export function archivesView(
  ports: Ports,
  parts: ArchiveParts,
  { core, bootId }: Pick<EngineOptions, "core" | "bootId">,
): Archives {
  const { files, content, state, clock, codec, random } = ports;
  const { images, layers, containers, storage, bus, paths, platform } = parts;
  const roots = async () => {
    const { ContainerRoots } = await import("./container-roots.ts");
    return new ContainerRoots(ports.kernel, files, images, storage, paths);
  };
  const looks = async () => {
    const { RootArchives } = await import("./archives.ts");
    return new RootArchives(files, containers, await roots());
  };
  const makers = async () => {
    const { ImageArchives } = await import("./image-archives.ts");
    const { LayerMaker } = await import("./new-layer.ts");
    const { ImageMaker } = await import("./new-image.ts");
    const { ImageRecorder } = await import("../images/image-recorder.ts");
    const recorder = new ImageRecorder(
      ...([core, files, content, state, clock, bus, images, layers, bootId] as const),
    );
    return new ImageArchives(
      ...([core, ports, images, containers, await roots()] as const),
      new LayerMaker(core, files, content, state, codec, random, paths, bootId),
      new ImageMaker(() => core().fork(), recorder),
      platform,
    );
  };
  return {
    changes: async (container) => (await looks()).changes(container),
    async *export(container) {
      yield* (await looks()).export(container);
    },
    commit: async (container, options = {}) => (await makers()).commit(container, options),
    import: async (source, options = {}) => (await makers()).import(source, options),
  };
}
