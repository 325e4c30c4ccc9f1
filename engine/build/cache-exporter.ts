// Cached steps on their way to others: into a directory, into the image's own config, or as an image
// of the steps' layers to a registry.

import { NacreError } from "@nacre/core/error.ts";
import type { CachePlace } from "../build-interface.ts";
import type { Images } from "../engine.ts";
import type { ImageMaker } from "../roots/new-image.ts";
import { type BuildRun, type BuiltStage, diffIdsOf } from "./build-run.ts";
import type { BuildServices } from "./build-services.ts";
import { INLINE_CACHE, type SharedStep } from "./cache-exchange.ts";
import { passingImage } from "./passing-image.ts";

export class CacheExporter {
  readonly #services: BuildServices;
  readonly #maker: ImageMaker;
  readonly #shared: () => Pick<Images, "push">;

  constructor(services: BuildServices, maker: ImageMaker, shared: () => Pick<Images, "push">) {
    this.#services = services;
    this.#maker = maker;
    this.#shared = shared;
  }

  async export(run: BuildRun, stage: BuiltStage): Promise<void> {
    for (const place of run.options.cacheTo ?? []) {
      if (place.type === "inline") continue;
      try {
        await run.progress.step("exporting cache", () => this.#export(run, stage, place));
      } catch (error) {
        if (!(error instanceof NacreError && place.ignoreError)) throw error;
        run.progress.warn(`the cache was not exported: ${error.message}`);
      }
    }
  }

  /** What others may take of the image's own layers, for its config. */
  inline(run: BuildRun, stage: BuiltStage): object {
    if (!run.options.cacheTo?.some(({ type }) => type === "inline")) return {};
    return { [INLINE_CACHE]: this.#steps(stage) };
  }

  async #export(
    run: BuildRun,
    stage: BuiltStage,
    place: Exclude<CachePlace, { readonly type: "inline" }>,
  ): Promise<void> {
    const { exchange, layers } = this.#services;
    const steps = this.#steps(place.all ? undefined : stage);
    if (place.type === "registry") return this.#toRegistry(run, place.reference, steps);
    const tarOf = (diffId: string): string => layers.stored([diffId])[0]?.tarPath ?? "";
    await exchange.to(place.directory, steps, tarOf);
  }

  /** Those of a stage's own layers, or all; in an order of their own. */
  #steps(stage?: BuiltStage): SharedStep[] {
    const own = stage && new Set(diffIdsOf(stage));
    const steps = this.#services.cache.done().filter(({ diffId }) => own?.has(diffId) ?? true);
    return steps.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async #toRegistry(run: BuildRun, reference: string, steps: readonly SharedStep[]): Promise<void> {
    const { images, layers } = this.#services;
    const found = new Set(steps.map(({ diffId }) => diffId));
    const diffIds = found.size > 0 ? [...found] : [await layers.empty()];
    const { architecture, os } = run.platform;
    const config = {
      ...{ architecture, os, config: {}, rootfs: { type: "layers", diff_ids: diffIds } },
      history: diffIds.map((diffId) => ({ created_by: `cache ${diffId}` })),
      [INLINE_CACHE]: steps,
    };
    const descriptors = diffIds.map((diffId) => layers.descriptor(diffId));
    const image = { config, layers: descriptors, action: "build" };
    const { id, discard } = await passingImage(images, this.#maker, image);
    try {
      await this.#shared().push(reference, { image: id, signal: run.signal });
    } finally {
      await discard();
    }
  }
}
