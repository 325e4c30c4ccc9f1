// One build: its stages, each built once and only if something needs it, and what they take their
// files from.

import { failedAt, type Source } from "@nacre/core/dockerfile/fault.ts";
import {
  emptyState,
  type ImageState,
  inherited,
  stateOf,
} from "@nacre/core/dockerfile/image-state.ts";
import type { Dockerfile } from "@nacre/core/dockerfile/instruction.ts";
import {
  type BuildGraph,
  findStage,
  type PlannedStage,
} from "@nacre/core/dockerfile/stage-graph.ts";
import { NacreError, whereFound } from "@nacre/core/error.ts";
import type { Descriptor, Platform } from "@nacre/core/oci/image.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";
import type { BuildContext, BuildOptions } from "../build-interface.ts";
import { parsePlatform, platformText } from "../registry/platform.ts";
import { addressContext } from "./address-context.ts";
import type { BuildServices } from "./build-services.ts";
import { gitContext } from "./git-context.ts";
import { Progress } from "./progress.ts";
import { LayersTree, type SourceTree } from "./source-tree.ts";
import { StageSteps } from "./stage-steps.ts";

/** A layer of a stage. */
export interface StageLayer {
  readonly diffId: string;
  readonly descriptor: Descriptor;
}

/** A stage as far as it is built. */
export interface BuiltStage {
  readonly state: ImageState;
  /** Bottom first. */
  readonly layers: readonly StageLayer[];
  /** Its root is this machine's, and what the layers say of it. */
  readonly onHost: boolean;
  /** Of this machine's root: what its steps have deleted, by paths as `byteText` has them. */
  readonly gone?: readonly string[];
}

export const diffIdsOf = ({ layers }: Pick<BuiltStage, "layers">): string[] =>
  layers.map(({ diffId }) => diffId);

/** What COPY --from and mounts take files from. */
export interface FileSource {
  readonly label: string;
  readonly diffIds: readonly string[];
  readonly platform: Platform;
}

export class BuildRun {
  readonly services: BuildServices;
  readonly options: BuildOptions;
  readonly source: Source;
  readonly dockerfile: Dockerfile;
  readonly graph: BuildGraph;
  readonly platform: Platform;
  readonly progress: Progress;
  /** Seconds since 1970 that no time in a layer is past. */
  readonly newest: number | undefined;
  readonly #abort = new AbortController();
  #failure: unknown;
  readonly #stages = new Map<number, Promise<BuiltStage>>();
  readonly #images = new Map<string, Promise<ImageRecord>>();
  readonly #trees = new Map<string, Promise<SourceTree>>();
  readonly #context: () => Promise<SourceTree>;

  constructor(
    services: BuildServices,
    options: BuildOptions,
    source: Source,
    dockerfile: Dockerfile,
    graph: BuildGraph,
    context: () => Promise<SourceTree>,
    platform: Platform,
  ) {
    this.services = services;
    this.options = options;
    this.source = source;
    this.dockerfile = dockerfile;
    this.graph = graph;
    this.platform = platform;
    this.#context = context;
    this.newest = options.sourceDateEpoch;
    this.progress = new Progress(services.clock, options.onEvent ?? (() => {}));
    const stop = (): void => this.#abort.abort();
    if (options.signal?.aborted) stop();
    options.signal?.addEventListener("abort", stop, { once: true });
  }

  /** Ends what runs when one stage has failed, or the caller wants no more. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What the first stage to fail has failed with: the others were stopped by it. */
  get failure(): unknown {
    return this.#failure;
  }

  /** NacreError `interrupted` once the build ends. */
  mustGoOn(): void {
    if (this.signal.aborted) throw new NacreError("interrupted", "the build was stopped");
  }

  context(): Promise<SourceTree> {
    return this.#context();
  }

  /** Now, or when the caller says that it is. */
  nowMs(): number {
    return this.newest === undefined ? this.services.clock.nowMs() : this.newest * 1000;
  }

  /** Builds a stage, and those that it needs beside it. */
  stage(index: number): Promise<BuiltStage> {
    let building = this.#stages.get(index);
    if (!building) {
      const planned = this.graph.stages[index] as PlannedStage;
      building = this.#build(planned).catch((error) => {
        if (!this.signal.aborted) this.#failure = error;
        this.#abort.abort();
        throw error;
      });
      this.#stages.set(index, building);
    }
    return building;
  }

  /** Waits until nothing is being built any more, whatever came of it. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#stages.values());
  }

  /** A stage that comes before another, or an image. NacreError `not-found`. */
  async from(name: string, before: number): Promise<FileSource> {
    const index = findStage(this.dockerfile.stages, name, before);
    if (index !== undefined) {
      const stage = await this.stage(index);
      const { label } = this.graph.stages[index] as PlannedStage;
      return {
        label: `the stage ${label}`,
        diffIds: diffIdsOf(stage),
        platform: stage.state.platform,
      };
    }
    const { config } = await this.image(name, undefined);
    const { os, architecture } = config;
    return {
      label: `the image ${name}`,
      diffIds: config.rootfs.diff_ids,
      platform: { os, architecture },
    };
  }

  /** What can be copied from: a named context, a stage or an image. */
  async tree(name: string, before: number): Promise<SourceTree> {
    const context = this.options.contexts?.[name];
    if (context && !("image" in context)) return this.#named(name, context);
    const { label, diffIds } = await this.from(name, before);
    return new LayersTree(label, await this.services.layers.merged(diffIds));
  }

  #named(name: string, context: BuildContext): Promise<SourceTree> {
    let tree = this.#trees.get(name);
    if (!tree) {
      tree = contextTree(this.services, context);
      this.#trees.set(name, tree);
    }
    return tree;
  }

  /** An image that is here, or is fetched. */
  image(reference: string, platform: string | undefined): Promise<ImageRecord> {
    const key = `${reference} ${platform ?? ""}`;
    let found = this.#images.get(key);
    if (!found) {
      found = this.#image(reference, platform ?? this.options.platform);
      this.#images.set(key, found);
    }
    return found;
  }

  async #image(name: string, platform: string | undefined): Promise<ImageRecord> {
    const { images } = this.services;
    const named = this.options.contexts?.[name];
    const reference = named && "image" in named ? named.image : name;
    const local = this.options.pull ? undefined : this.#local(reference, platform);
    if (local) {
      await images.ready(local);
      return local;
    }
    const wanted = platform === undefined ? {} : { platform };
    const { image } = await images.pull(reference, { ...wanted, signal: this.signal });
    return image;
  }

  #local(reference: string, platform: string | undefined): ImageRecord | undefined {
    const image = whereFound(() => this.services.images.get(reference, platform).image);
    if (!image || platform === undefined) return image;
    const { os, architecture, variant } = image.config;
    const own = platformText({ os, architecture, ...(variant !== undefined && { variant }) });
    return own === platformText(parsePlatform(platform)) ? image : undefined;
  }

  async #build(planned: PlannedStage): Promise<BuiltStage> {
    // Those that it will wait for are built while it is.
    for (const need of planned.needs) this.stage(need).catch(() => {});
    const { base, stage } = planned;
    const steps = new StageSteps(this, planned);
    try {
      const begun = await this.#begin(planned, steps);
      return await steps.run(begun, stage.instructions);
    } catch (error) {
      if (base.kind === "stage") throw error;
      throw failedAt(this.source, stage.place, error);
    }
  }

  async #begin({ base, platform }: PlannedStage, steps: StageSteps): Promise<BuiltStage> {
    const own = platform === undefined ? this.platform : parsePlatform(platform);
    const epoch = new Date((this.newest ?? 0) * 1000).toISOString();
    if (base.kind === "stage") {
      const below = await this.stage(base.index);
      const { OnBuild } = below.state.process;
      const begun = { ...below, state: inherited(below.state) };
      return steps.triggered(begun, OnBuild ?? []);
    }
    if (base.kind !== "image") {
      const state = emptyState(own, epoch);
      return { state, layers: [], onHost: base.kind === "host" };
    }
    const image = await this.progress.step(
      `${steps.prefix(0)} ${shownFrom(base.reference, platform)}`,
      async (step) => {
        if (!this.options.pull && this.#local(base.reference, platform ?? this.options.platform))
          step.cached();
        return this.image(base.reference, platform);
      },
    );
    const { config } = image;
    const layers = image.layers.map((descriptor, n) => {
      return { diffId: config.rootfs.diff_ids[n] as string, descriptor };
    });
    const begun = { state: stateOf(config, config.created ?? epoch), layers, onHost: false };
    return steps.triggered(begun, config.config?.OnBuild ?? []);
  }
}

/** A context's files, wherever they come from. */
export async function contextTree(
  services: BuildServices,
  context: BuildContext,
  dockerfile?: string,
): Promise<SourceTree> {
  const { contexts } = services;
  if ("address" in context) return addressContext(services, context.address, dockerfile);
  if (!("git" in context)) return contexts.tree(context, dockerfile);
  return contexts.whole(await gitContext(services, context.git));
}

const shownFrom = (reference: string, platform: string | undefined): string =>
  `FROM ${platform === undefined ? "" : `--platform=${platform} `}${reference}`;
