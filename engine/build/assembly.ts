// A builder put together from its parts, anew for each build: what it keeps in memory goes with it.

import { Sha256 } from "@nacre/core/digest.ts";
import { whenUsed } from "@nacre/core/when-used.ts";
import { ImageRecorder } from "../images/image-recorder.ts";
import type { EngineOptions } from "../options.ts";
import { ImageMaker } from "../roots/new-image.ts";
import { LayerMaker } from "../roots/new-layer.ts";
import { BuildLayers } from "./build-layers.ts";
import type { BuildServices } from "./build-services.ts";
import { Builder } from "./builder.ts";
import { CacheExchange } from "./cache-exchange.ts";
import { CacheExporter } from "./cache-exporter.ts";
import { CacheLimit, DEFAULT_CACHE_BYTES } from "./cache-limit.ts";
import { CacheMounts } from "./cache-mounts.ts";
import type { CacheUpkeep } from "./cache-upkeep.ts";
import { Contexts } from "./contexts.ts";
import { gitClone } from "./git-clone.ts";
import { KnownCopies } from "./known-copies.ts";
import { Scratch } from "./scratch.ts";
import { StepCache } from "./step-cache.ts";
import { StepContainers } from "./step-container.ts";
import { StepMountMaker } from "./step-mounts.ts";
import type { BuildParts, BuildPorts } from "./view.ts";

const CORE_HASHES_BYTES = 1 << 19;

/** Loaded by the first build: see view.ts. */
export function makeBuilder(
  ports: BuildPorts,
  parts: BuildParts,
  options: EngineOptions,
  upkeep: () => Promise<CacheUpkeep>,
): Builder {
  const { kernel, files, content, state, clock, codec, random, fetch } = ports;
  const { images, snapshotter, bus, paths } = parts;
  const { core, bootId, self } = options;
  // A build that is cached makes none.
  const maker = whenUsed(
    () => new LayerMaker(core, files, content, state, codec, random, paths, bootId),
  );
  const layers = new BuildLayers(core, files, images, parts.layers, maker);
  const cache = new StepCache(state, clock, layers);
  const services: BuildServices = {
    // Up to there the core's own has made a digest before the host's is loaded.
    hasher: (sizeBytes) =>
      sizeBytes > CORE_HASHES_BYTES ? codec.hasher("sha256") : new Sha256(layers.arena),
    ...{ files, codec, clock, fetch, images, layers, cache, platform: parts.platform },
    containers: whenUsed(() => stepContainers(ports, parts, options)),
    exchange: new CacheExchange(files, content),
    mounts: whenUsed(() => {
      const caches = new CacheMounts(kernel, files, state, clock, codec, paths, { self, bootId });
      return new StepMountMaker(kernel, files, layers, snapshotter, caches, paths);
    }),
    contexts: new Contexts(files, clock, codec, layers, (label, diffId) =>
      cache.put(cache.key("files", { diffId }), label, diffId, clock.nowMs()),
    ),
    copies: new KnownCopies(files, paths, bootId),
    scratch: new Scratch(files, kernel, random, paths, self),
    clone: (...wanted) => gitClone(parts.containers)(...wanted),
  };
  const recorder = new ImageRecorder(
    ...([core, files, content, state, clock, bus, images, parts.layers, bootId] as const),
  );
  const makesImages = new ImageMaker(() => layers.arena, recorder);
  const exporter = new CacheExporter(services, makesImages, parts.shared);
  const limit = new CacheLimit(state, upkeep, options.buildCacheBytes ?? DEFAULT_CACHE_BYTES);
  return new Builder(core, services, makesImages, exporter, limit);
}

function stepContainers(
  { kernel, files }: BuildPorts,
  { records, planner, storage, takeDown, snapshotter, paths }: BuildParts,
  { usernsRemap, self, bootId, terminalSize }: EngineOptions,
): StepContainers {
  return new StepContainers(
    ...([kernel, files, records, planner, storage, takeDown, paths] as const),
    {
      ...{ snapshotter: snapshotter.name, self, bootId, terminalSize },
      users: async () => {
        if (!usernsRemap) return undefined;
        const { remappedUsers } = await import("../user-namespaces/choose.ts");
        return remappedUsers(usernsRemap, files, kernel.facts());
      },
    },
  );
}
