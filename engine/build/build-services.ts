// The parts of a build that do its work, in one place for the steps that need them.

import type { Platform } from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { Fetch } from "@nacre/core/ports/fetch.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { ImageService } from "../images/images.ts";
import type { BuildLayers } from "./build-layers.ts";
import type { CacheExchange } from "./cache-exchange.ts";
import type { Contexts } from "./contexts.ts";
import type { MakeHasher } from "./copy-layer.ts";
import type { KnownCopies } from "./known-copies.ts";
import type { Scratch } from "./scratch.ts";
import type { StepCache } from "./step-cache.ts";
import type { StepContainers } from "./step-container.ts";
import type { StepMountMaker } from "./step-mounts.ts";

export interface BuildServices {
  readonly files: Files;
  readonly codec: Codec;
  readonly hasher: MakeHasher;
  readonly clock: Clock;
  readonly fetch: Fetch;
  readonly images: ImageService;
  readonly layers: BuildLayers;
  readonly cache: StepCache;
  readonly exchange: CacheExchange;
  readonly containers: StepContainers;
  readonly mounts: StepMountMaker;
  readonly contexts: Contexts;
  readonly copies: KnownCopies;
  readonly scratch: Scratch;
  /** Fetches a git repository into a directory of this machine. */
  readonly clone: (repository: string, directory: string) => Promise<void>;
  /** This machine's. */
  readonly platform: Platform;
}
