// Images of containers, and of tars.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { changedProcess, withVariables } from "@nacre/core/oci/config-change.ts";
import { empties } from "@nacre/core/oci/empties.ts";
import {
  type ImageConfig,
  type ImageProcess,
  MANIFEST_LIMIT_BYTES,
  type Platform,
} from "@nacre/core/oci/image.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Codec } from "@nacre/core/ports/codec.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Fetch } from "@nacre/core/ports/fetch.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import { imageHealthcheck } from "@nacre/core/program/health-check.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import type { CommitOptions, ImportOptions, NewImageOptions } from "../archive-interface.ts";
import type { Containers } from "../engine.ts";
import { recognise } from "../images/compression.ts";
import { newTag } from "../images/image-lookup.ts";
import type { ImageService } from "../images/images.ts";
import { parsePlatform } from "../registry/platform.ts";
import { archiveOf } from "./archive.ts";
import type { ContainerRoots } from "./container-roots.ts";
import { layerMembers } from "./members.ts";
import type { ImageMaker } from "./new-image.ts";
import type { LayerMaker } from "./new-layer.ts";
import { remoteBytes } from "./remote-bytes.ts";

export interface ImageArchivePorts {
  readonly files: Files;
  readonly content: ContentStore;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly fetch: Fetch;
}

export class ImageArchives {
  readonly #core: () => Core;
  readonly #ports: ImageArchivePorts;
  readonly #images: ImageService;
  readonly #containers: Containers;
  readonly #roots: ContainerRoots;
  readonly #layers: LayerMaker;
  readonly #maker: ImageMaker;
  readonly #platform: Platform;

  /** `platform` is this machine's. */
  constructor(
    core: () => Core,
    ports: ImageArchivePorts,
    images: ImageService,
    containers: Containers,
    roots: ContainerRoots,
    layers: LayerMaker,
    maker: ImageMaker,
    platform: Platform,
  ) {
    this.#core = core;
    this.#ports = ports;
    this.#images = images;
    this.#containers = containers;
    this.#roots = roots;
    this.#layers = layers;
    this.#maker = maker;
    this.#platform = platform;
  }

  async commit(container: string, options: CommitOptions): Promise<string> {
    const record = this.#containers.get(container);
    const reference = this.#reference(options);
    const { image } = this.#roots.of(record);
    const process = withChanges(processOf(record, image.config.config ?? {}), options);
    const base = await this.#baseConfig(image);
    return this.#images.storing(record.id, async () => {
      const layer = await this.#held(record, options.pause ?? true, () => {
        const { places, storage } = this.#roots.of(record);
        const members = layerMembers(places.tree, storage);
        return this.#layers.make(archiveOf(this.#ports.files, places, members));
      });
      const created = this.#created(options);
      const step = {
        created,
        created_by: record.request.command.join(" "),
        ...(options.author !== undefined && { author: options.author }),
        ...(options.message !== undefined && { comment: options.message }),
      };
      const config: ImageConfig = {
        ...base,
        created,
        ...(options.author !== undefined && { author: options.author }),
        config: process,
        rootfs: { type: "layers", diff_ids: [...base.rootfs.diff_ids, layer.diffId] },
        history: [...(base.history ?? []), step],
      };
      const layers = [...image.layers, layer.descriptor];
      const made = await this.#maker.make({ config, layers, ...reference, action: "commit" });
      return made.id;
    });
  }

  async import(source: AsyncIterable<Uint8Array> | URL, options: ImportOptions): Promise<string> {
    const reference = this.#reference(options);
    const process = withChanges({}, options);
    const { os, architecture, variant } =
      options.platform === undefined ? this.#platform : parsePlatform(options.platform);
    const bytes = source instanceof URL ? remoteBytes(this.#ports.fetch, source) : source;
    return this.#images.storing(reference.reference ?? "import", async () => {
      const { compression, whole } = await recognise(bytes);
      const layer = await this.#layers.make(this.#ports.codec.decompress(compression, whole));
      const created = this.#created(options);
      const { message, author } = options;
      const config: ImageConfig = {
        created,
        ...(author !== undefined && { author }),
        ...{ architecture, os, ...(variant !== undefined && { variant }), config: process },
        rootfs: { type: "layers", diff_ids: [layer.diffId] },
        history: [{ created, ...(message !== undefined && { comment: message }) }],
      };
      const layers = [layer.descriptor];
      const made = await this.#maker.make({ config, layers, ...reference, action: "import" });
      return made.id;
    });
  }

  /** Of a container that runs, with its processes held where they are. */
  async #held<T>(record: ContainerRecord, pause: boolean, work: () => Promise<T>): Promise<T> {
    if (!pause || record.status !== "running") return work();
    try {
      await this.#containers.pause(record.id);
    } catch (error) {
      // Nobody can be held where there is no freezer: what is written meanwhile may be seen in part.
      if (!(error instanceof NacreError && error.kind === "unsupported")) throw error;
      return await work();
    }
    try {
      return await work();
    } finally {
      await this.#containers.unpause(record.id);
    }
  }

  /** With what the engine does not know of it, too, but for what was said of the container that it came from. */
  async #baseConfig(image: ImageRecord): Promise<ImageConfig> {
    const bytes = await this.#ports.content.read(image.id, MANIFEST_LIMIT_BYTES);
    const { container, container_config, ...config } = JSON.parse(
      new TextDecoder().decode(bytes),
    ) as ImageConfig & { readonly container?: unknown; readonly container_config?: unknown };
    return config;
  }

  /** NacreError `invalid`. */
  #reference({ reference }: NewImageOptions): { readonly reference?: string } {
    if (reference === undefined) return {};
    return { reference: newTag(this.#core(), reference) };
  }

  #created({ createdMs }: NewImageOptions): string {
    return new Date(createdMs ?? this.#ports.clock.nowMs()).toISOString();
  }
}

function withChanges(process: ImageProcess, { changes = [] }: NewImageOptions): ImageProcess {
  return changes.reduce(changedProcess, process);
}

/** What the container was asked to run, on top of what its image says. */
function processOf({ request }: ContainerRecord, image: ImageProcess): ImageProcess {
  const { command, entrypoint, environment, labels, user, workingDirectory, stopSignal } = request;
  const { exposedPorts = [], health } = request;
  const volumes = request.mounts.filter((one) => one.type === "volume" && one.name === undefined);
  const variables = environment.map((one) => {
    const equals = one.indexOf("=");
    return [one.slice(0, equals), one.slice(equals + 1)] as const;
  });
  const { Cmd: _, ...withoutCommand } = image;
  const base = entrypoint === undefined ? image : { ...withoutCommand, Entrypoint: entrypoint };
  return {
    ...base,
    ...(variables.length > 0 && { Env: withVariables(image.Env ?? [], variables) }),
    ...(command.length > 0 && { Cmd: command }),
    ...(Object.keys(labels).length > 0 && { Labels: { ...image.Labels, ...labels } }),
    ...(user !== undefined && { User: user }),
    ...(workingDirectory !== undefined && { WorkingDir: workingDirectory }),
    ...(stopSignal !== undefined && { StopSignal: stopSignal }),
    ...(exposedPorts.length > 0 && {
      ExposedPorts: { ...image.ExposedPorts, ...empties(exposedPorts) },
    }),
    ...(volumes.length > 0 && {
      Volumes: { ...image.Volumes, ...empties(volumes.map(({ target }) => target)) },
    }),
    ...(health && { Healthcheck: imageHealthcheck(health, image.Healthcheck) }),
  };
}
