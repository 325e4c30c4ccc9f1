// From what is asked for to an image: the Dockerfile read, its stages planned, the target built,
// recorded and named.

import type { Core } from "@nacre/core/core.ts";
import { failedAt, type Source } from "@nacre/core/dockerfile/fault.ts";
import { parseDockerfile } from "@nacre/core/dockerfile/parse.ts";
import { planStages } from "@nacre/core/dockerfile/stage-graph.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ImageConfig, Platform } from "@nacre/core/oci/image.ts";
import type { BuildOptions, BuiltImage, DockerfileSurvey } from "../build-interface.ts";
import type { CopiedEntry } from "../copy-interface.ts";
import { newTag } from "../images/image-lookup.ts";
import { parsePlatform, platformText } from "../registry/platform.ts";
import { archiveOf, Sources } from "../roots/archive.ts";
import { rootMembers } from "../roots/members.ts";
import type { ImageMaker, NewImage } from "../roots/new-image.ts";
import { BuildRun, type BuiltStage, contextTree, diffIdsOf } from "./build-run.ts";
import type { BuildServices } from "./build-services.ts";
import { copiedEntry } from "./built-files.ts";
import type { CacheExporter } from "./cache-exporter.ts";
import type { CacheLimit } from "./cache-limit.ts";
import { passingImage } from "./passing-image.ts";
import { mustBeAllowed } from "./run-step.ts";
import type { SourceTree } from "./source-tree.ts";
import { checked, findingText, surveyOf } from "./survey.ts";

const encoder = new TextEncoder();

export class Builder {
  readonly #core: () => Core;
  readonly #services: BuildServices;
  readonly #maker: ImageMaker;
  readonly #exporter: CacheExporter;
  readonly #limit: CacheLimit;

  constructor(
    core: () => Core,
    services: BuildServices,
    maker: ImageMaker,
    exporter: CacheExporter,
    limit: CacheLimit,
  ) {
    this.#core = core;
    this.#services = services;
    this.#maker = maker;
    this.#exporter = exporter;
    this.#limit = limit;
  }

  async build(options: BuildOptions): Promise<BuiltImage> {
    const { images, cache, scratch } = this.#services;
    const references = (options.tags ?? []).map((tag) => newTag(this.#core(), tag));
    try {
      return await images.storing(references[0] ?? "build", async () => {
        const run = await this.#planned(options);
        try {
          await this.#importCache(run);
          const stage = await run.stage(run.graph.target.index);
          run.mustGoOn();
          const image = await this.#image(run, stage, references);
          await this.#exporter.export(run, stage);
          return image;
        } catch (error) {
          await run.settled();
          throw run.failure ?? error;
        } finally {
          cache.touch();
        }
      });
    } finally {
      await scratch.remove();
      if (cache.grew) await this.#limit.hold();
    }
  }

  // -- parts ------------------------------------------------------------------------------------

  async #importCache(run: BuildRun): Promise<void> {
    const { cache, exchange } = this.#services;
    for (const place of run.options.cacheFrom ?? []) {
      try {
        cache.add(await exchange.from(place, (reference) => run.image(reference, undefined)));
      } catch (error) {
        // Without it the build takes longer, and comes to the same.
        if (!(error instanceof NacreError)) throw error;
        run.progress.warn(`the cache cannot be taken: ${error.message}`);
      }
    }
  }

  /** What a Dockerfile says of itself. */
  async survey(options: BuildOptions): Promise<DockerfileSurvey> {
    try {
      const { source, dockerfile, graph } = await this.#read(options);
      return surveyOf(source, dockerfile, graph);
    } finally {
      await this.#services.scratch.remove();
    }
  }

  async #read(options: BuildOptions) {
    const platform =
      options.platform === undefined ? this.#services.platform : parsePlatform(options.platform);
    let tree: Promise<SourceTree> | undefined;
    const context = (): Promise<SourceTree> => {
      tree ??= contextTree(
        this.#services,
        options.context ?? { files: {} },
        options.dockerfile ?? "Dockerfile",
      );
      return tree;
    };
    const source = await this.#source(options, context);
    const dockerfile = parseDockerfile(source);
    const buildArgs = new Map(Object.entries(options.buildArgs ?? {}));
    const graph = planStages(source, dockerfile, {
      ...(options.target !== undefined && { target: options.target }),
      buildArgs,
      platformArgs: this.#platformArgs(platform, options.target),
    });
    return { source, dockerfile, graph, context, platform, buildArgs };
  }

  async #planned(options: BuildOptions): Promise<BuildRun> {
    const read = await this.#read(options);
    const { source, dockerfile, graph, context, platform, buildArgs } = read;
    const run = new BuildRun(this.#services, options, source, dockerfile, graph, context, platform);
    refuseWhatIsNotAllowed(run);
    for (const finding of checked(source, dockerfile)) run.progress.warn(findingText(finding));
    this.#warnOfUnused(run, buildArgs);
    return run;
  }

  async #source(options: BuildOptions, context: () => Promise<SourceTree>): Promise<Source> {
    if (options.dockerfileText) return options.dockerfileText;
    const name = options.dockerfile ?? "Dockerfile";
    const { contexts, files } = this.#services;
    if (options.context && "directory" in options.context) {
      // It may be one that its own .dockerignore leaves out.
      const bytes = files.readBeneath(options.context.directory, name, 1 << 20);
      if (bytes) return { name, text: new TextDecoder().decode(bytes) };
    }
    const text = await contexts.text(await context(), name);
    if (text !== undefined) return { name, text };
    throw new NacreError("not-found", `there is no ${name} in the build context`, {
      advice: "Name another file: -f FILE, or -f - for standard input.",
    });
  }

  #platformArgs(target: Platform, stage: string | undefined): Map<string, string> {
    const all = new Map<string, string>();
    const add = (prefix: string, platform: Platform): void => {
      all.set(`${prefix}PLATFORM`, platformText(platform));
      all.set(`${prefix}OS`, platform.os);
      all.set(`${prefix}ARCH`, platform.architecture);
      all.set(`${prefix}VARIANT`, platform.variant ?? "");
    };
    add("BUILD", this.#services.platform);
    add("TARGET", target);
    return all.set("TARGETSTAGE", stage ?? "default");
  }

  #warnOfUnused({ dockerfile, progress }: BuildRun, buildArgs: ReadonlyMap<string, string>): void {
    const declared = new Set(
      [
        ...dockerfile.args,
        ...dockerfile.stages.flatMap(({ instructions }) =>
          instructions.map(({ action }) => action),
        ),
      ]
        .flatMap((action) => (action.kind === "ARG" ? action.variables : []))
        .map(({ name }) => name),
    );
    const known = /^((https?|ftp|no|all)_proxy|SOURCE_DATE_EPOCH|BUILDKIT_.*)$/i;
    const unused = [...buildArgs.keys()].filter((name) => !declared.has(name) && !known.test(name));
    if (unused.length > 0)
      progress.warn(
        `nobody takes the build arguments ${unused.join(", ")}: there is no ARG for them`,
      );
  }

  async #image(
    run: BuildRun,
    stage: BuiltStage,
    references: readonly string[],
  ): Promise<BuiltImage> {
    const { target } = run.graph;
    if (stage.onHost) {
      throw new NacreError(
        "unsupported",
        `the stage ${target.label} is FROM host: its root is this machine's`,
        {
          advice: "Copy what it has made into another stage: FROM scratch, COPY --from=….",
        },
      );
    }
    const entries = { files: () => this.#files(stage), entries: () => this.#entries(stage) };
    const result = { ...entries, discard: async () => {} };
    if (run.options.filesOnly) return { id: "", manifestDigest: "", references: [], ...result };
    const config = {
      ...configOf(stage, run.options.labels),
      ...this.#exporter.inline(run, stage),
    };
    const { annotations } = run.options;
    const layers = stage.layers.map(({ descriptor }) => descriptor);
    const image = { config, layers, action: "build", ...(annotations && { annotations }) };
    const made = run.options.archiveOnly
      ? this.#unnamed(run, image)
      : this.#named(run, image, references);
    return { ...result, references, ...(await made) };
  }

  #named(run: BuildRun, image: NewImage, references: readonly string[]) {
    return run.progress.step("exporting to image", async (step) => {
      const told = (text: string): void => step.output(1, encoder.encode(`${text}\n`));
      const [reference] = references;
      const { images } = this.#services;
      const named = { ...(reference !== undefined && { reference }) };
      const { id, manifestDigest } = await this.#maker.make({ ...image, ...named });
      told(`writing image ${id}`);
      for (const more of references.slice(1)) images.tag(id, more);
      for (const one of references) told(`naming to ${one}`);
      return { id, manifestDigest };
    });
  }

  /** For archives: what it is called is theirs. */
  #unnamed(run: BuildRun, image: NewImage) {
    return run.progress.step("exporting to an archive", async (step) => {
      const told = (text: string): void => step.output(1, encoder.encode(`${text}\n`));
      const made = await passingImage(this.#services.images, this.#maker, image);
      told(`exporting manifest ${made.manifestDigest}`);
      told(`exporting config ${made.id}`);
      return made;
    });
  }

  async *#files(stage: BuiltStage): AsyncGenerator<Uint8Array> {
    const { layers, files } = this.#services;
    const merged = await layers.merged(diffIdsOf(stage));
    const members = rootMembers(merged.tree, new Map());
    yield* archiveOf(files, { upper: "", ...merged }, members);
  }

  async *#entries(stage: BuiltStage): AsyncGenerator<CopiedEntry> {
    const { layers, files } = this.#services;
    const merged = await layers.merged(diffIdsOf(stage));
    const sources = new Sources(files, { upper: "", layers: merged.layers });
    try {
      for (const member of rootMembers(merged.tree, new Map())) yield copiedEntry(member, sources);
    } finally {
      await sources.close();
    }
  }
}

/** Before anything is built. */
function refuseWhatIsNotAllowed({ graph, source, options }: BuildRun): void {
  for (const { action, place } of graph.needed.flatMap(({ stage }) => stage.instructions)) {
    if (action.kind !== "RUN") continue;
    try {
      mustBeAllowed(action, options);
    } catch (error) {
      if (!(error instanceof NacreError)) throw error;
      throw failedAt(source, place, error);
    }
  }
}

function configOf(
  { state, layers }: BuiltStage,
  labels: Readonly<Record<string, string>> = {},
): ImageConfig {
  const { platform, process, author, created, history } = state;
  const { Labels, ...rest } = process;
  const all = { ...Labels, ...labels };
  return {
    created,
    ...(author !== undefined && { author }),
    ...{ architecture: platform.architecture, os: platform.os },
    ...(platform.variant !== undefined && { variant: platform.variant }),
    config: { ...rest, ...(Object.keys(all).length > 0 && { Labels: all }) },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history,
  };
}
